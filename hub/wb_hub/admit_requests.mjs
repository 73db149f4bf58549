// Loaded into the Hub's proxy before its own program: what it doesn't take, before anybody is known.
//
// - An address that isn't UTF-8 when it is decoded is a 400; configurable-http-proxy answers 500.
// - The Hub reads a whole body before it asks who sent it. What its pages and its API are sent is small,
//   so a larger body doesn't get there, nor one that doesn't say its length.
// - Users' servers read large bodies the same way: only so many at a time, in all and from one address.

import { Server } from 'node:http';

const MIB = 2 ** 20;
const HUB_BODY = MIB; // bytes
const SMALL_BODY = MIB;
const LARGE_BODIES = 32;
const LARGE_BODIES_OF_ONE_ADDRESS = 8;

const onTheirWay = new Map(); // large bodies, by address
let all = 0;

/** The bytes of a request's body; Infinity where it doesn't say. */
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

/** Why a request isn't passed on: a status and a sentence; null: it is. */
function refusal(request) {
  const asked = path(request);
  if (asked === null) {
    return [400, 'This address is not encoded as UTF-8.'];
  }
  const bytes = size(request);
  if (!/^\/+(user|services)\//.test(asked)) {
    if (bytes === Infinity) {
      return [411, 'A request to the Hub has to say how long its body is (Content-Length).'];
    }
    if (bytes > HUB_BODY) {
      return [413, `A request to the Hub may have a body of ${HUB_BODY / MIB} MiB.`];
    }
  }
  return null;
}

/** Counts a large body until its request has ended; false where there are too many. */
function admitBody(request, response) {
  if (size(request) <= SMALL_BODY) {
    return true;
  }
  const address = request.socket.remoteAddress;
  const count = onTheirWay.get(address) ?? 0;
  if (all >= LARGE_BODIES || count >= LARGE_BODIES_OF_ONE_ADDRESS) {
    return false;
  }
  all += 1;
  onTheirWay.set(address, count + 1);
  response.once('close', () => {
    all -= 1;
    const left = onTheirWay.get(address) - 1;
    if (left > 0) {
      onTheirWay.set(address, left);
    } else {
      onTheirWay.delete(address);
    }
  });
  return true;
}

/** Answers, and closes the connection: what is left of the body isn't read. */
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
