import { describeAccess, exposureOf } from '../processes/security.js';
import type { Settings } from '../settings/settings.js';
import { VERSION } from '../version.js';
import { type BannerFacts, isColorful, renderBanner } from './banner.js';
import type { Log } from './log.js';

/** What of the banner depends on which servers run here. */
export type RunningServers = Pick<BannerFacts, 'httpUrl' | 'grpcTarget' | 'engineAddress' | 'models'>;

/** Prints the banner, and warns in the log too where strangers can use the servers: a banner is not always seen. */
export function showBanner(settings: Settings, running: RunningServers, log: Log): void {
  const warning = exposureOf(settings);
  if (warning !== undefined) log.warn(warning);
  const facts = {
    ...running,
    version: VERSION,
    access: describeAccess(settings),
    speaksTls: settings.tlsCert !== undefined,
    needsKey: settings.apiKeys !== undefined,
    warning,
  };
  process.stdout.write(renderBanner(facts, isColorful(process.stdout, process.env)));
}
