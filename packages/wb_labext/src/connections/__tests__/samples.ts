import type { JSONObject } from '@lumino/coreutils';

import type { ConnectionView } from '../../api/types';

/** A configuration's schema as pydantic writes it. */
export const CONFIG_SCHEMA: JSONObject = {
  $defs: {
    Options: {
      type: 'object',
      title: 'Options',
      properties: {
        connect_timeout: { type: 'integer', default: 10, minimum: 1, maximum: 60 },
        name: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null }
      }
    }
  },
  type: 'object',
  title: 'PostgresConfig',
  additionalProperties: false,
  required: ['host', 'password'],
  properties: {
    host: { type: 'string', title: 'Host', minLength: 1 },
    driver_options: { $ref: '#/$defs/Options' },
    port: { type: 'integer', default: 5432, minimum: 1, maximum: 65535 },
    password: { type: 'string', format: 'password', writeOnly: true },
    token: {
      anyOf: [{ type: 'string', format: 'password', writeOnly: true }, { type: 'null' }],
      default: null,
      title: 'Token'
    },
    certificate: {
      anyOf: [{ maxLength: 100000, type: 'string' }, { type: 'null' }],
      default: null
    },
    patterns: { type: 'array', items: { type: 'string' }, default: ['*.csv'] },
    sslmode: { type: 'string', enum: ['prefer', 'require'], default: 'prefer' }
  }
};

export function connection(change: Partial<ConnectionView> = {}): ConnectionView {
  return {
    id: 'c1',
    name: 'warehouse',
    connector: 'postgres',
    description: '',
    config: { host: 'db', port: 5432 },
    secrets_set: ['password'],
    routines: [],
    owner: { kind: 'user', name: 'ada' },
    shares: [],
    credentials: 'shared',
    credential: { status: 'ok', expires_at: null, updated_at: null },
    reasons: [{ kind: 'owner', name: 'ada', level: 'manage' }],
    level: 'manage',
    actions: ['connection.read', 'connection.browse'],
    state: { status: 'ok', message: '', checked_at: null },
    version: 1,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    deleted_at: null,
    ...change
  };
}
