// Loaded into the Hub's proxy before its own program: refuses requests before anybody is authenticated.
//
// - A URL that doesn't decode to UTF-8 is a 400; configurable-http-proxy would answer 500.
// - The Hub reads a whole body before it authenticates the sender. Requests to its pages and its API are
//   small, so larger bodies, and those without a declared length, don't get there.
// - Users' servers read large bodies the same way: their number is limited, in total and per address.

import { Server } from 'node:http';

const MIB = 2 ** 20;
const HUB_BODY = MIB; // bytes
const SMALL_BODY = MIB;
const LARGE_BODIES = 32;
const LARGE_BODIES_OF_ONE_ADDRESS = 8;

const inProgress = new Map(); // large bodies, by address
let all = 0;

/** The size of a request's body in bytes; Infinity if it isn't declared. */
function size(request) {
  if ('transfer-encoding' in request.headers) {
    return Infinity;
  }
  return Number(request.headers['content-length'] ?? 0);
}

/** The decoded path, or null. */
function path(request) {
  try {
    return decodeURIComponent(new URL(request.url, 'http://any').pathname);
  } catch {
    return null;
  }
}

/** Why a request is refused: a status and a sentence; null if it isn't. */
function refusal(request) {
  const asked = path(request);
  if (asked === null) {
    return [400, 'This address is not encoded as UTF-8.'];
  }
  const bytes = size(request);
  if (!/^\/+(user|services)\//.test(asked)) {
    if (bytes === Infinity) {
      return [411, 'A request to the Hub must declare the length of its body (Content-Length).'];
    }
    if (bytes > HUB_BODY) {
      return [413, `The body of a request to the Hub may be at most ${HUB_BODY / MIB} MiB.`];
    }
  }
  return null;
}

/** Counts a large body until its request has ended; false if there are too many. */
function admitBody(request, response) {
  if (size(request) <= SMALL_BODY) {
    return true;
  }
  const address = request.socket.remoteAddress;
  const count = inProgress.get(address) ?? 0;
  if (all >= LARGE_BODIES || count >= LARGE_BODIES_OF_ONE_ADDRESS) {
    return false;
  }
  all += 1;
  inProgress.set(address, count + 1);
  response.once('close', () => {
    all -= 1;
    const left = inProgress.get(address) - 1;
    if (left > 0) {
      inProgress.set(address, left);
    } else {
      inProgress.delete(address);
    }
  });
  return true;
}

/** Answers, and closes the connection: the rest of the body isn't read. */
function refuse(response, status, sentence, headers = {}) {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    Connection: 'close',
    ...headers,
  });
  response.end(`${sentence}\n`);
}

const emit = Server.prototype.emit;

Server.prototype.emit = function (event, ...rest) {
  if (event === 'request') {
    const [request, response] = rest;
    const refused = refusal(request);
    if (refused) {
      refuse(response, ...refused);
      return true;
    }
    if (!admitBody(request, response)) {
      refuse(response, 503, 'Too many large requests at once. Try again.', { 'Retry-After': '2' });
      return true;
    }
  } else if (event === 'upgrade' && path(rest[0]) === null) {
    rest[1].end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return true;
  }
  return emit.call(this, event, ...rest);
};
