import { describe, expect, it } from 'vitest';
import { compareMetrics, parseMetrics } from '../../src/load/scraped-metrics.js';

const BEFORE = `# HELP a_total Counts.
# TYPE a_total counter
a_total{model="x"} 3
a_total{model="y"} 4
# TYPE still_total counter
still_total 9
# TYPE g gauge
g{model="x"} 1
# TYPE h histogram
h_bucket{le="+Inf"} 5
h_sum 5
h_count 5
`;
const AFTER = BEFORE.replace('"y"} 4', '"y"} 10').replace('g{model="x"} 1', 'g{model="x"} 2\ng{model="y"} 7');

describe('two scrapes', () => {
  it('are compared by what rose, and by what gauges were', () => {
    expect(compareMetrics(parseMetrics(BEFORE), parseMetrics(AFTER))).toEqual({
      increases: { a_total: 6 },
      gauges: { 'g{model="x"}': { before: 1, after: 2 }, 'g{model="y"}': { before: undefined, after: 7 } },
    });
  });
});
