/** Rates of reactions, and results of experiments, as the API answers them. */

export interface Rate {
  impressions: number;
  clicks: number;
  dismissals: number;
  conversions: number;
  ctr: number;
  ctr_interval: [number, number];
}

export interface ByPosition {
  by_position: (Rate & { position: number })[];
}

export interface Arm {
  arm: string;
  share: number;
  /** Members of the request that the arm changes; left out: the page does not know them. */
  settings?: object;
}

export interface ArmResult {
  arm: string;
  users: number;
  impressions: number;
  clicks: number;
  ctr: number | null;
  beside_first: { difference: number; interval: [number, number]; p: number; found: boolean } | null;
}

export interface Results {
  alpha: number;
  arms: ArmResult[];
}
