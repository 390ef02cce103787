/** The small case of `shop-week.long.test.ts`. */
import { shopWeek } from '../support/shop-week.ts';

shopWeek({ products: 400, events: 1_000 });
