import { nullTranslator } from '@jupyterlab/translation';
import type { RJSFValidationError } from '@rjsf/utils';
import { describe, expect, it } from 'vitest';

import { readableErrors, reasonOf } from '../../ui/fielderrors';
import { defaults, simplify, withoutEmpty } from '../../ui/schema';
import { validator } from '../../ui/validator';
import { checkSchema, fieldOf, formSchema, formUiSchema } from '../schema';
import { CONFIG_SCHEMA } from './samples';

const config = simplify(CONFIG_SCHEMA);
const form = formSchema(config, {
  name: 'Name',
  nameHelp: 'Help',
  description: 'Description',
  advanced: 'Advanced'
});

const trans = nullTranslator.load('wb_labext');

describe('simplify', () => {
  it('resolves references and optional fields', () => {
    expect(config.$defs).toBeUndefined();
    const properties = config.properties as Record<string, unknown>;
    expect(properties.token).toEqual({
      type: 'string',
      format: 'password',
      writeOnly: true,
      title: 'Token'
    });
    expect(properties.driver_options).toMatchObject({
      type: 'object',
      properties: { name: { type: 'string' } }
    });
  });

  it('keeps fields named like keywords', () => {
    const odd = simplify({ type: 'object', properties: { default: { type: 'string' } } });
    expect(odd.properties).toEqual({ default: { type: 'string' } });
  });

  it('terminates on a schema that refers to itself', () => {
    const self = { $ref: '#/$defs/A', $defs: { A: { properties: { a: { $ref: '#/$defs/A' } } } } };
    expect(simplify(self)).toEqual({ properties: { a: {} } });
  });
});

describe('the form', () => {
  it('starts with the defaults', () => {
    expect(defaults(config)).toEqual({
      port: 5432,
      driver_options: { connect_timeout: 10 },
      patterns: ['*.csv'],
      sslmode: 'prefer'
    });
  });

  it('hides secrets, folds advanced fields, and puts them last', () => {
    const ui = formUiSchema(config, ['password'], 'unchanged').config;
    expect(ui.password).toEqual({ 'ui:widget': 'password', 'ui:placeholder': 'unchanged' });
    expect(ui.token).toEqual({ 'ui:widget': 'password' });
    expect(ui.certificate).toEqual({ 'ui:widget': 'textarea' });
    expect(ui.patterns).toEqual({ 'ui:widget': 'lines' });
    expect(ui.driver_options['ui:options']).toEqual({ collapsed: true });
    expect(ui['ui:order'].at(-1)).toBe('driver_options');
  });

  it('sends nothing for empty fields', () => {
    expect(
      withoutEmpty({
        host: 'db',
        password: '',
        token: null,
        port: 0,
        on: false,
        lines: ['a', ''],
        o: {}
      })
    ).toEqual({ host: 'db', port: 0, on: false, lines: ['a'], o: {} });
  });

  it('reports one error per field', () => {
    const data = {
      name: 'Not good',
      config: { host: '', port: 'x', sslmode: 'none', driver_options: { connect_timeout: 99 } }
    };
    const { errors } = validator.validateFormData(data, form);
    expect(readableErrors(errors as RJSFValidationError[], trans)).toEqual({
      name: 'Use lowercase letters, digits and underscores; start with a letter; at most 63 characters.',
      'config.host': 'This field is required.',
      'config.password': 'This field is required.',
      'config.port': 'Must be a whole number.',
      'config.sslmode': 'Choose one of the listed values.',
      'config.driver_options.connect_timeout': 'Must be at most 60.'
    });
  });

  it('asks for a secret only if none is stored', () => {
    const data = { name: 'a', config: { host: 'db' } };
    expect(validator.validateFormData(data, form).errors).toHaveLength(1);
    expect(validator.validateFormData(data, checkSchema(form, ['password'])).errors).toEqual([]);
  });
});

describe('fieldOf', () => {
  it.each([
    ['name', 'name'],
    ['host', 'config.host'],
    ['config.host', 'config.host'],
    [['config', 'host'], 'config.host'],
    ['connect_timeout', 'config.driver_options.connect_timeout'],
    ['driver_options.name', 'config.driver_options.name'],
    ['config', null],
    ['nothing', null],
    ['', null],
    [undefined, null],
    [7, null]
  ])('%j is %s', (field, path) => {
    expect(fieldOf(field, form)).toBe(path);
  });
});

describe('reasonOf', () => {
  it.each([
    ['config.port: too large.', 'config.port', 'Too large.'],
    ['config.port: too large.', ['config', 'port'], 'Too large.'],
    ['The host “x” is not known.', 'config.host', 'The host “x” is not known.'],
    ['port: too large.', 'config.port', 'Port: too large.'],
    ['Something else.', undefined, 'Something else.']
  ])('of %j at %j is %j', (message, field, reason) => {
    expect(reasonOf(message, field)).toBe(reason);
  });
});
