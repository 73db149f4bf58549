/**
 * The API's types, under the names of the server's models. They come from `schema.ts`, which
 * `./wb generate` generates from the server's declarations.
 */
import type { JSONObject } from '@lumino/coreutils';

import type { components } from './schema';

type Schemas = components['schemas'];

/** A connector's configuration has its own schema, known only at run time. */
type WithConfig<T extends { config?: unknown }> = Omit<T, 'config'> & { config: JSONObject };

export interface ErrorDetails {
  /** The field that the server rejects: its name, or a dotted path below `config`. */
  field?: string;
  [key: string]: unknown;
}

export interface ErrorBody {
  error: Omit<Schemas['Error']['error'], 'details'> & { details: ErrorDetails };
}

export type Me = Schemas['Me'];
export type ConnectorInfo = Omit<Schemas['ConnectorInfo'], 'config_schema'> & {
  /** A JSON schema; secret fields are marked `writeOnly`. */
  config_schema: JSONObject;
};
export type SqlInfo = Schemas['SqlInfo'];
export type Owner = Schemas['Owner'];
export type State = Schemas['State'];
export type ConnectionView = WithConfig<Schemas['ConnectionView']>;
export type ConnectionCreate = WithConfig<Schemas['ConnectionCreate']>;
export type ConnectionUpdate = Partial<ConnectionCreate>;
export type ConnectionTest = WithConfig<Schemas['ConnectionTest']>;
export type TestResult = Omit<Schemas['TestResult'], 'details'> & { details?: ErrorDetails };
export type ConnectionPreview = WithConfig<Schemas['ConnectionPreview']>;
export type PreviewResult = Omit<Schemas['PreviewResult'], 'details'> & { details?: ErrorDetails };
export type Level = Schemas['Share']['level'];
export type Share = Schemas['Share'];
export type ShareRequest = Schemas['ShareRequest'];
export type OwnerRequest = Schemas['OwnerRequest'];
export type Reason = Schemas['Reason'];
export type PersonAccess = Schemas['PersonAccess'];
export type Access = Schemas['Access'];
export type Person = Schemas['Person'];
export type PeopleList = Schemas['PeopleList'];
export type CredentialMode = ConnectionView['credentials'];
export type CredentialState = Schemas['CredentialState'];
export type CredentialPut = Omit<Schemas['CredentialPut'], 'login'> & { login: JSONObject };
export type AuditRow = Schemas['AuditRow'];
export type AuditAction = Schemas['AuditAction'];
export type AuditPage = Schemas['AuditPage'];
export type Outcome = NonNullable<AuditRow['outcome']>;
export type RunningQuery = Schemas['RunningQuery'];
export type OwnLimits = Schemas['OwnLimits'];
export type LimitValue = Schemas['LimitValue'];
export type LimitList = Schemas['LimitList'];
export type LimitView = Schemas['LimitView'];
export type LimitRequest = Schemas['LimitRequest'];
export type LimitKind = LimitView['kind'];
export type LimitWork = NonNullable<LimitView['work']>;
export type SchemaInfo = Schemas['SchemaInfo'];
export type TableInfo = Schemas['TableInfo'];
export type CatalogMatch = Schemas['CatalogMatch'];
export type Upload = Omit<Schemas['Upload'], 'options_schema'> & { options_schema: JSONObject };
export type UploadSource = Omit<Schemas['UploadSource'], 'options'> & { options?: JSONObject };
export type UploadLoad = Omit<Schemas['UploadLoad'], 'options'> & { options?: JSONObject };
export type UploadLoaded = Schemas['UploadLoaded'];
export type UploadPreview = Schemas['UploadPreview'];
export type TableRows = Schemas['TableRows'];
export type RowCount = Schemas['RowCount'];
export type TableDefinition = Schemas['TableDefinition'];
export type ColumnInfo = Schemas['ColumnInfo'];
export type PipelineView = Schemas['PipelineView'];
export type PipelineSaved = Schemas['PipelineSaved'];
export type Dependent = Schemas['Dependent'];
export type PipelineSave = Schemas['PipelineSave'];
export type PipelineCheck = Schemas['PipelineCheck'];
export type PipelineChecked = Schemas['PipelineChecked'];
export type Problem = Schemas['Problem'];
export type Version = Schemas['Version'];
export type VersionSummary = Schemas['VersionSummary'];
export type Run = Schemas['Run'];
export type RunSummary = Schemas['RunSummary'];
export type RunDetail = Schemas['RunDetail'];
export type RunPage = Schemas['RunPage'];
export type RunState = RunSummary['state'];
export type RerunRequest = Schemas['RerunRequest'];
export type TaskRun = Schemas['TaskRunView'];
export type TaskState = TaskRun['state'];
export type Attempt = Schemas['AttemptView'];
export type AttemptState = Attempt['state'];
export type TableUse = Schemas['TableUseView'];
export type LogPage = Schemas['LogPage'];

export interface Items<T> {
  items: T[];
  /** The cursor of the next page, in a list that has pages. */
  next?: string | null;
}
