/**
 * JSON-schema forms that look and read like JupyterLab's dialogs.
 *
 * JupyterLab's `FormComponent` does the work; its own templates are made for the settings editor
 * (no labels tied to inputs, a "modified" mark), so the form has its own templates. The caller passes
 * errors, keyed by the field's path, whether they come from a check or the server.
 */
import { FormComponent, caretDownEmptyIcon } from '@jupyterlab/ui-components';
import type { JSONObject, JSONValue, ReadonlyJSONObject } from '@lumino/coreutils';
import type {
  BaseInputTemplateProps,
  FieldTemplateProps,
  ObjectFieldTemplateProps,
  RJSFSchema,
  UiSchema,
  WidgetProps
} from '@rjsf/utils';
import React from 'react';

import { validator } from './validator';

const PREFIX = 'wb-form';

interface FormContext {
  errors: Readonly<Record<string, string>>;
  disabled: boolean;
}

export interface SchemaFormProps {
  schema: RJSFSchema;
  uiSchema: UiSchema;
  data: JSONObject;
  /** Sentences by the path of their field, joined by dots. */
  errors: Readonly<Record<string, string>>;
  disabled?: boolean;
  onChange: (data: JSONObject) => void;
}

/** The DOM id of a field's input, to focus it. */
export function fieldId(path: string): string {
  return `${PREFIX}.${path}`;
}

function pathOf(id: string): string {
  return id === PREFIX ? '' : id.slice(PREFIX.length + 1);
}

export function SchemaForm(props: SchemaFormProps): JSX.Element {
  const context: FormContext = { errors: props.errors, disabled: props.disabled ?? false };
  return (
    <FormComponent
      className="wb-Form"
      tagName="div"
      schema={props.schema}
      uiSchema={props.uiSchema as UiSchema<ReadonlyJSONObject>}
      formData={props.data as ReadonlyJSONObject}
      formContext={context}
      validator={validator}
      idPrefix={PREFIX}
      idSeparator="."
      noValidate
      showErrorList={false}
      templates={TEMPLATES}
      widgets={WIDGETS}
      onChange={event => props.onChange((event.formData ?? {}) as JSONObject)}
    />
  );
}

function errorOf(context: FormContext, id: string): string | undefined {
  return context.errors[pathOf(id)];
}

function FieldTemplate(props: FieldTemplateProps): JSX.Element {
  const { id, schema, label, required, displayLabel, children } = props;
  if (props.hidden) {
    return <div hidden>{children}</div>;
  }
  if (schema.type === 'object') {
    return <>{children}</>;
  }
  const error = errorOf(props.formContext as FormContext, id);
  return (
    <div className={`wb-Field${error ? ' wb-mod-invalid' : ''}`}>
      {displayLabel && label && (
        <label className="wb-Field-label" htmlFor={id}>
          {label}
          {required && (
            <span className="wb-Field-required" aria-hidden="true">
              {' *'}
            </span>
          )}
        </label>
      )}
      {children}
      {error && (
        <div className="wb-Field-error" id={`${id}__error`} data-testid={`wb-error-${pathOf(id)}`}>
          {error}
        </div>
      )}
      {schema.description && (
        <div className="wb-Field-help" id={`${id}__help`}>
          {schema.description}
        </div>
      )}
    </div>
  );
}

function ObjectFieldTemplate(props: ObjectFieldTemplateProps): JSX.Element {
  const { idSchema, schema, title, uiSchema, properties } = props;
  const path = pathOf(idSchema.$id);
  const types = properties.map(item => {
    const property = schema.properties?.[item.name];
    const options = uiSchema?.[item.name] as UiSchema | undefined;
    return typeof property === 'object' && !options?.['ui:widget'] ? property.type : undefined;
  });
  const cells = properties.map((item, index) => {
    // A number right after a text (a port after a host) is on the same line.
    const beside = types[index] === 'string' && types[index + 1] === 'integer';
    const narrow = types[index] === 'integer' && types[index - 1] === 'string';
    const place = beside ? 'wb-mod-beside' : narrow ? 'wb-mod-narrow' : '';
    return (
      <div key={item.name} className={`wb-Form-cell ${place}`}>
        {item.content}
      </div>
    );
  });
  const grid = <div className="wb-Form-grid">{cells}</div>;
  if (uiSchema?.['ui:options']?.collapsed === true) {
    const { errors } = props.formContext as FormContext;
    const wrong = Object.keys(errors).some(key => key.startsWith(`${path}.`));
    return (
      <Collapsed title={title} description={schema.description} open={wrong}>
        {grid}
      </Collapsed>
    );
  }
  return grid;
}

function Collapsed(props: {
  title: string;
  description?: string;
  open: boolean;
  children: React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState(false);
  return (
    <details
      className="wb-Form-collapsed"
      open={open || props.open}
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>{props.title}</summary>
      {props.description && <div className="wb-Field-help">{props.description}</div>}
      {props.children}
    </details>
  );
}

/** The attributes of every input. */
function common(props: WidgetProps | BaseInputTemplateProps): React.AriaAttributes & {
  id: string;
  disabled: boolean;
  'data-testid': string;
} {
  const context = props.formContext as FormContext;
  const error = errorOf(context, props.id);
  const described = [
    error ? `${props.id}__error` : '',
    props.schema.description ? `${props.id}__help` : ''
  ]
    .filter(Boolean)
    .join(' ');
  return {
    id: props.id,
    disabled: props.disabled || props.readonly || context.disabled,
    'aria-required': props.required,
    'aria-invalid': error !== undefined,
    'aria-describedby': described || undefined,
    'data-testid': `wb-field-${pathOf(props.id)}`
  };
}

function exampleOf(props: WidgetProps | BaseInputTemplateProps): string {
  const examples = props.schema.examples;
  const first: unknown = Array.isArray(examples) ? examples[0] : undefined;
  return props.placeholder || (first === undefined ? '' : String(first));
}

/** The attributes of a text input; an empty one has no value. */
function textual(props: WidgetProps | BaseInputTemplateProps): {
  value: string;
  onChange: (event: React.ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => void;
} & ReturnType<typeof common> {
  return {
    ...common(props),
    value: String(props.value ?? ''),
    onChange: event => props.onChange(event.target.value || undefined)
  };
}

// No `required`, `pattern` or `type=number`: the browser's own checks would disable the dialog's
// buttons without explanation. The caller checks, and shows errors at the field.
function BaseInputTemplate(props: BaseInputTemplateProps): JSX.Element {
  const type = props.schema.type;
  const numeric = type === 'integer' || type === 'number';
  return (
    <input
      {...textual(props)}
      className="jp-mod-styled"
      type="text"
      inputMode={numeric ? 'decimal' : undefined}
      autoComplete="off"
      autoCapitalize="off"
      spellCheck={false}
      placeholder={exampleOf(props)}
    />
  );
}

/** The browser must neither fill in nor offer to save a database's password. */
function PasswordWidget(props: WidgetProps): JSX.Element {
  return (
    <input
      {...textual(props)}
      className="jp-mod-styled"
      type="password"
      autoComplete="new-password"
      placeholder={props.placeholder}
    />
  );
}

function CheckboxWidget(props: WidgetProps): JSX.Element {
  return (
    <label className="wb-Field-check">
      <input
        {...common(props)}
        className="jp-mod-styled"
        type="checkbox"
        checked={props.value === true}
        onChange={event => props.onChange(event.target.checked)}
      />
      {props.label}
    </label>
  );
}

function SelectWidget(props: WidgetProps): JSX.Element {
  const options = props.options.enumOptions ?? [];
  // The schemas' own keyword: `enumNames` is deprecated.
  const { enum_titles: titles } = props.schema as { enum_titles?: readonly string[] };
  const chosen = options.findIndex(option => option.value === props.value);
  return (
    <div className="wb-Select">
      <select
        {...common(props)}
        className="jp-mod-styled"
        value={chosen}
        onChange={event => {
          const index = Number(event.target.value);
          props.onChange(index < 0 ? undefined : (options[index].value as JSONValue));
        }}
      >
        {(chosen < 0 || !props.required) && <option value={-1}>{props.placeholder || '–'}</option>}
        {options.map((option, index) => (
          <option key={index} value={index}>
            {titles?.[index] ?? option.label}
          </option>
        ))}
      </select>
      <caretDownEmptyIcon.react tag="span" className="wb-Select-caret" />
    </div>
  );
}

function TextareaWidget(props: WidgetProps): JSX.Element {
  return (
    <textarea
      {...textual(props)}
      className="jp-mod-styled wb-Lines"
      rows={3}
      spellCheck={false}
      placeholder={exampleOf(props)}
    />
  );
}

/** A day, `YYYY-MM-DD`. */
function DateWidget(props: WidgetProps): JSX.Element {
  return <input {...textual(props)} className="jp-mod-styled wb-Day" type="date" />;
}

/** A list of texts, one per line. */
function LinesWidget(props: WidgetProps): JSX.Element {
  const lines = Array.isArray(props.value) ? (props.value as unknown[]).map(String) : [];
  return (
    <textarea
      {...common(props)}
      className="jp-mod-styled wb-Lines"
      rows={Math.min(Math.max(lines.length, 2), 6)}
      spellCheck={false}
      placeholder={exampleOf(props)}
      value={lines.join('\n')}
      onChange={event =>
        props.onChange(event.target.value === '' ? undefined : event.target.value.split('\n'))
      }
    />
  );
}

const TEMPLATES = { FieldTemplate, ObjectFieldTemplate, BaseInputTemplate };

const WIDGETS = {
  PasswordWidget,
  CheckboxWidget,
  SelectWidget,
  TextareaWidget,
  date: DateWidget,
  password: PasswordWidget,
  lines: LinesWidget
};
