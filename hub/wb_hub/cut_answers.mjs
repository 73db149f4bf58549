// Loaded into the Hub's proxy before its own program.
//
// When what it serves dies in the middle of an answer, configurable-http-proxy (by http-proxy-3)
// leaves the client's connection open: whoever reads a stream then waits for ever. Here an answer
// that was cut upstream is cut for the client too.

import { IncomingMessage, ServerResponse } from 'node:http';

const pipe = IncomingMessage.prototype.pipe;

IncomingMessage.prototype.pipe = function (target, options) {
  if (target instanceof ServerResponse) {
    this.once('close', () => {
      if (!this.complete) {
        target.destroy();
      }
    });
  }
  return pipe.call(this, target, options);
};
