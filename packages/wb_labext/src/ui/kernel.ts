/** The kernel that has `%%sql` from the start. */
export const KERNEL = 'workbench-python';
