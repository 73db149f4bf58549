import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { ConnectionsModel } from '../model';
import { RoutinesModel, namesIn } from '../routines';
import { connection } from './samples';

const trans = nullTranslator.load('workbench');

function formOf(routines: string[], setRoutines = vi.fn().mockResolvedValue({})) {
  const refresh = vi.fn().mockResolvedValue(undefined);
  const model = { api: { setRoutines }, refresh } as unknown as ConnectionsModel;
  return { form: new RoutinesModel(model, trans, { ...connection(), routines }), setRoutines };
}

describe('the functions that a connection allows', () => {
  it('are one a line', () => {
    expect(namesIn(' etl.a \n\n etl.b\n')).toEqual(['etl.a', 'etl.b']);
  });

  it('are saved as a whole', async () => {
    const { form, setRoutines } = formOf(['etl.a']);
    expect(form.state.text).toBe('etl.a');
    expect(form.isDirty()).toBe(false);
    form.setText('etl.a\netl.b\n');
    expect(form.isDirty()).toBe(true);
    expect(await form.submit()).toBe(true);
    expect(setRoutines).toHaveBeenCalledWith(expect.any(String), ['etl.a', 'etl.b']);
  });

  it('need their schema, and show what the service refuses', async () => {
    const refuse = vi.fn().mockRejectedValue(new ApiError('No.', 'bad_routine', 400));
    const { form, setRoutines } = formOf([], refuse);
    form.setText('load_sales');
    expect(await form.submit()).toBe(false);
    expect(form.state.errors.routines).toContain('load_sales');
    expect(setRoutines).not.toHaveBeenCalled();
    form.setText('pg_catalog.x');
    expect(await form.submit()).toBe(false);
    expect(form.state.errors.routines).toBe('No.');
  });
});
