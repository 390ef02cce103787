/** A shop of a week: its catalogue and its events, imported every night, with imports that are killed. */
import { shopWeek } from '../support/shop-week.ts';

shopWeek({ products: 5_000, events: 50_000 });
