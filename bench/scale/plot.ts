/** The table as two small pictures in one SVG: launches by CPU second, and makespan by its bound, over the number of workers. */
import type { ScaleRow } from './scale-case.ts';

const WIDTH = 420;
const HEIGHT = 300;
const MARGIN = 56;
const COLORS = [
  '#1b6',
  '#26c',
  '#c52',
  '#a3a',
  '#888',
  '#b80',
  '#088',
  '#c36',
  '#573',
  '#46a',
  '#933',
  '#333',
];

interface Panel {
  readonly title: string;
  readonly valueOf: (row: ScaleRow) => number;
}

const PANELS: readonly Panel[] = [
  { title: 'launches per CPU second', valueOf: ({ cost }) => cost.launchesPerCpuSecond },
  { title: 'makespan ÷ bound', valueOf: ({ makespanRatio }) => makespanRatio },
];

export function plotOf(rows: readonly ScaleRow[]): string {
  const mixes = [...new Set(rows.map(({ mix }) => mix))];
  const panels = PANELS.map((panel, index) => {
    const lines = mixes.map((mix, color) => lineOf(rows, { panel, mix, color }));
    const title = `<text x="${WIDTH / 2}" y="24" text-anchor="middle">${panel.title}</text>`;
    return `<g transform="translate(${index * WIDTH} 0)">${title}${axisOf(rows, panel)}${lines.join('')}</g>`;
  });
  const legend = mixes.map(
    (mix, index) =>
      `<text x="${2 * WIDTH + 8}" y="${40 + 18 * index}" fill="${COLORS[index % COLORS.length]}">${mix}</text>`,
  );
  const size = `width="${2 * WIDTH + 130}" height="${HEIGHT}"`;
  const style = 'font-family="sans-serif" font-size="12"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}><rect ${size} fill="#fff"/>${panels.join('')}${legend.join('')}</svg>\n`;
}

function lineOf(
  rows: readonly ScaleRow[],
  { panel, mix, color }: { readonly panel: Panel; readonly mix: string; readonly color: number },
): string {
  const points = rows
    .filter((row) => row.mix === mix)
    .map((row) => [xOf(rows, row), yOf(rows, panel, panel.valueOf(row))] as const);
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const stroke = COLORS[color % COLORS.length] ?? '#000';
  const dots = points.map(
    ([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${stroke}"/>`,
  );
  return `<polyline points="${path}" fill="none" stroke="${stroke}"/>${dots.join('')}`;
}

function axisOf(rows: readonly ScaleRow[], panel: Panel): string {
  const most = Math.max(...rows.map(panel.valueOf));
  const bottom = HEIGHT - MARGIN;
  const frame = `<path d="M${MARGIN} 40V${bottom}H${WIDTH - 20}" fill="none" stroke="#999"/>`;
  const top = `<text x="${MARGIN - 4}" y="48" text-anchor="end">${most.toPrecision(3)}</text>`;
  const workers = [...new Set(rows.map((row) => row.workers))].map((count) => {
    const row = rows.find((each) => each.workers === count);
    const x = row === undefined ? 0 : xOf(rows, row);
    return `<text x="${x.toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${count}</text>`;
  });
  return `${frame}${top}${workers.join('')}<text x="${WIDTH / 2}" y="${bottom + 34}" text-anchor="middle">workers</text>`;
}

/** Logarithmic. */
function xOf(rows: readonly ScaleRow[], { workers }: ScaleRow): number {
  const all = rows.map((row) => Math.log(row.workers));
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const share = most === least ? 0.5 : (Math.log(workers) - least) / (most - least);
  return MARGIN + 20 + share * (WIDTH - MARGIN - 60);
}

function yOf(rows: readonly ScaleRow[], { valueOf }: Panel, value: number): number {
  const most = Math.max(...rows.map(valueOf));
  return HEIGHT - MARGIN - (value / (most === 0 ? 1 : most)) * (HEIGHT - MARGIN - 44);
}
