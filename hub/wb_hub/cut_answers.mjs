// Loaded into the Hub's proxy before its own program.
//
// When an upstream dies in the middle of an answer, configurable-http-proxy (through http-proxy-3) leaves
// the client's connection open: the reader of a stream then waits forever. This closes the client's
// connection when the answer was cut off upstream.

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
