/** Pages whose only content is a number, for tests of what carries pages without looking into them. */
import type { Page } from '../../services/common/page/page.ts';

export function aMarkedPage(mark: number, byteCount = 8): Page {
  const page = new ArrayBuffer(Math.max(4, byteCount));
  new DataView(page).setUint32(0, mark);
  return page;
}

export function markOf(page: Page): number {
  return new DataView(page).getUint32(0);
}
