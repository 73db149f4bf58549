/**
 * The layout of a graph of tasks: in layers from left to right, each task after all that it needs. Pure
 * functions.
 *
 * The tasks of a layer are ordered by the mean position of their neighbours, sweeping back and forth a
 * few times (Sugiyama's barycentre method), which avoids most crossings in graphs of this size.
 */

export interface GraphTask {
  task: string;
  needs: readonly string[];
}

export interface Node {
  task: string;
  x: number;
  y: number;
}

export interface Edge {
  from: string;
  to: string;
  /** An SVG path. */
  path: string;
}

export interface Graph {
  nodes: readonly Node[];
  edges: readonly Edge[];
  width: number;
  height: number;
}

export const NODE = { width: 156, height: 38 };
const GAP = { x: 40, y: 12 };
const MARGIN = 12;
const SWEEPS = 4;
/** At this scale a task is still a coloured mark that can be clicked. */
export const SMALLEST = 0.25;

/** The layer of each task: one more than the highest layer that it depends on. */
export function layersOf(tasks: readonly GraphTask[]): Map<string, number> {
  const needs = new Map(tasks.map(task => [task.task, task.needs]));
  const layers = new Map<string, number>();
  const visit = (name: string, path: readonly string[]): number => {
    const known = layers.get(name);
    if (known !== undefined) {
      return known;
    }
    const before = (needs.get(name) ?? []).filter(
      // The server rejects cycles, but the layout must terminate anyway.
      other => needs.has(other) && !path.includes(other)
    );
    const layer = Math.max(-1, ...before.map(other => visit(other, [...path, name]))) + 1;
    layers.set(name, layer);
    return layer;
  };
  tasks.forEach(task => visit(task.task, []));
  return layers;
}

function ordered(rows: string[][], tasks: readonly GraphTask[]): string[][] {
  const before = new Map(tasks.map(task => [task.task, task.needs]));
  const after = new Map<string, string[]>(tasks.map(task => [task.task, []]));
  tasks.forEach(task => task.needs.forEach(other => after.get(other)?.push(task.task)));
  const place = new Map<string, number>();
  const note = (row: readonly string[]): void =>
    row.forEach((name, index) => place.set(name, index - (row.length - 1) / 2));
  rows.forEach(note);
  const arrange = (row: string[], neighbours: ReadonlyMap<string, readonly string[]>): void => {
    const weight = new Map(
      row.map(name => {
        const places = (neighbours.get(name) ?? []).map(other => place.get(other) ?? 0);
        const sum = places.reduce((total, value) => total + value, 0);
        return [name, places.length > 0 ? sum / places.length : (place.get(name) ?? 0)];
      })
    );
    row.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
    note(row);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    rows.slice(1).forEach(row => arrange(row, before));
    rows
      .slice(0, -1)
      .reverse()
      .forEach(row => arrange(row, after));
  }
  rows.slice(1).forEach(row => arrange(row, before));
  return rows;
}

/** Lays out a graph of tasks. */
export function layout(tasks: readonly GraphTask[]): Graph {
  const layers = layersOf(tasks);
  const rows: string[][] = [];
  for (const { task } of tasks) {
    (rows[layers.get(task) ?? 0] ??= []).push(task);
  }
  ordered(rows, tasks);
  const most = Math.max(1, ...rows.map(row => row.length));
  const height = most * (NODE.height + GAP.y) - GAP.y + 2 * MARGIN;
  const nodes = rows.flatMap((row, layer) => {
    const used = row.length * (NODE.height + GAP.y) - GAP.y;
    return row.map((task, index) => ({
      task,
      x: MARGIN + layer * (NODE.width + GAP.x),
      y: (height - used) / 2 + index * (NODE.height + GAP.y)
    }));
  });
  const byName = new Map(nodes.map(node => [node.task, node]));
  const edges = tasks.flatMap(({ task, needs }) =>
    needs.flatMap(other => {
      const from = byName.get(other);
      const to = byName.get(task);
      return from && to ? [{ from: other, to: task, path: curve(from, to) }] : [];
    })
  );
  return {
    nodes,
    edges,
    width: rows.length * (NODE.width + GAP.x) - GAP.x + 2 * MARGIN,
    height
  };
}

/** The scale at which a graph fits into a box: at most 1, at least `SMALLEST`. */
export function scaleToFit(
  graph: { width: number; height: number },
  box: { width: number; height: number }
): number {
  return Math.max(SMALLEST, Math.min(1, box.width / graph.width, box.height / graph.height));
}

function curve(from: Node, to: Node): string {
  const x1 = from.x + NODE.width;
  const y1 = from.y + NODE.height / 2;
  const x2 = to.x;
  const y2 = to.y + NODE.height / 2;
  const bend = Math.max(GAP.x / 2, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
