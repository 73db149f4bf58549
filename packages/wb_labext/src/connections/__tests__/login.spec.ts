import type { JSONObject } from '@lumino/coreutils';
import { describe, expect, it } from 'vitest';

import { dropLogin, loginFields, loginSchema, withoutLogin } from '../login';
import { propertiesOf } from '../../ui/schema';

const schema: JSONObject = {
  type: 'object',
  required: ['host', 'user'],
  properties: {
    host: { type: 'string' },
    user: { type: 'string', login: true, title: 'User', description: 'For all', examples: ['a'] },
    password: { type: 'string', writeOnly: true },
    sslmode: { type: 'string' }
  }
};

describe('the fields of credentials', () => {
  it('are those that are marked, and every secret', () => {
    expect(loginFields(schema)).toEqual(['user', 'password']);
  });

  it('make a separate form, without the help texts for whoever sets up the connection', () => {
    const own = loginSchema(schema);
    expect(own.required).toEqual(['user']);
    expect(own.properties).toEqual({
      user: { type: 'string', login: true, title: 'User' },
      password: { type: 'string', writeOnly: true }
    });
  });

  it('are left out if each user has their own', () => {
    const rest = withoutLogin(schema);
    expect(rest.required).toEqual(['host']);
    expect(Object.keys(propertiesOf(rest))).toEqual(['host', 'sslmode']);
    expect(dropLogin({ host: 'db', user: 'a', password: 'p' }, schema)).toEqual({ host: 'db' });
  });
});
