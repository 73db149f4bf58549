import { describe, expect, it } from 'vitest';

import { NODE, layersOf, layout, scaleToFit } from '../layout';

const task = (name: string, ...needs: string[]) => ({ task: name, needs });

describe('the graph of tasks', () => {
  it('puts each task after everything it needs', () => {
    const layers = layersOf([
      task('report', 'load'),
      task('extract'),
      task('load', 'extract', 'check'),
      task('check', 'extract')
    ]);
    expect(Object.fromEntries(layers)).toEqual({ extract: 0, check: 1, load: 2, report: 3 });
  });

  it('overlaps no two tasks, and draws each line from right to left', () => {
    const tasks = [
      task('a'),
      ...Array.from({ length: 20 }, (_, index) => task(`b${index}`, 'a')),
      task('c', ...Array.from({ length: 20 }, (_, index) => `b${index}`))
    ];
    const { nodes, edges, width, height } = layout(tasks);
    const taken = new Set(nodes.map(node => `${node.x} ${node.y}`));
    expect(taken.size).toBe(22);
    expect(edges).toHaveLength(40);
    for (const node of nodes) {
      expect(node.x + NODE.width).toBeLessThan(width);
      expect(node.y + NODE.height).toBeLessThan(height);
    }
    const place = new Map(nodes.map(node => [node.task, node]));
    for (const { from, to } of edges) {
      expect(place.get(from)!.x + NODE.width).toBeLessThan(place.get(to)!.x);
    }
  });

  it('avoids needless crossings', () => {
    const { nodes } = layout([task('a'), task('b'), task('of_b', 'b'), task('of_a', 'a')]);
    const y = (name: string): number => nodes.find(node => node.task === name)!.y;
    expect(y('of_a') < y('of_b')).toBe(y('a') < y('b'));
  });

  it('terminates on a cycle and on a missing dependency, which the server rejects', () => {
    const { nodes, edges } = layout([task('a', 'b'), task('b', 'a'), task('c', 'nothing')]);
    expect(nodes).toHaveLength(3);
    expect(edges).toHaveLength(2);
  });
});

describe('scaleToFit', () => {
  const graph = { width: 1000, height: 400 };

  it('scales a graph to the tighter side', () => {
    expect(scaleToFit(graph, { width: 500, height: 400 })).toBe(0.5);
    expect(scaleToFit(graph, { width: 900, height: 300 })).toBe(0.75);
  });

  it('never enlarges one, nor shrinks it to nothing', () => {
    expect(scaleToFit(graph, { width: 2000, height: 2000 })).toBe(1);
    expect(scaleToFit(graph, { width: 10, height: 400 })).toBe(0.25);
  });
});
