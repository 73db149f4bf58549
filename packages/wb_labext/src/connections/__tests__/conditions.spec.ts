import { expect, it } from 'vitest';

import { dropIdle, idleFields } from '../conditions';

const SCHEMA = {
  type: 'object',
  properties: {
    auth: { type: 'string', default: 'none' },
    header: { type: 'string', shown_for: { auth: ['header'] } },
    user: { type: 'string', shown_for: { auth: ['basic'] } },
    secret: { type: 'string', shown_for: { auth: ['basic', 'header'] } }
  }
};

it.each([
  [{}, ['header', 'user', 'secret']],
  [{ auth: 'basic' }, ['header']],
  [{ auth: 'header' }, ['user']]
])('names the fields that do not matter in %j', (config, idle) => {
  expect(idleFields(SCHEMA, config)).toEqual(idle);
});

it('sends no value of a field that does not matter', () => {
  const typed = { auth: 'header', header: 'X-Key', user: 'ada', secret: 's' };
  expect(dropIdle(typed, SCHEMA)).toEqual({ auth: 'header', header: 'X-Key', secret: 's' });
});
