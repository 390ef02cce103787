/** Rates of reactions among impressions. */
import { shareInterval } from './statistics.ts';

export interface Rate {
  /** One impression for each item of each shown list. */
  impressions: number;
  clicks: number;
  dismissals: number;
  conversions: number;
  /** Clicked impressions per impression. */
  ctr: number;
  /** 95 % interval, under the assumption that impressions are independent. */
  ctr_interval: [low: number, high: number];
  /** Converted impressions per impression. */
  conversion_rate: number;
}

export type Counts = Pick<Rate, 'impressions' | 'clicks' | 'dismissals' | 'conversions'>;

export function rateOf({ impressions, clicks, dismissals, conversions }: Counts): Rate {
  const per = (count: number): number => (impressions === 0 ? 0 : count / impressions);
  return {
    impressions,
    clicks,
    dismissals,
    conversions,
    ctr: per(clicks),
    ctr_interval: shareInterval(clicks, impressions),
    conversion_rate: per(conversions),
  };
}
