import axe from 'axe-core';
import type { Page } from 'playwright-core';

/**
 * Finds what axe finds fault with in a page, each with the elements at fault. It is run from outside: the page's own
 * policy lets no script in.
 */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const results = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`);
}
