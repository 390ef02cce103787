/** A shop for a week, from a seed: a catalogue that changes every night, and what customers do by day. */
import { createRandom, type Random } from '../../src/bus/log/random.ts';

export interface Product {
  title: string;
  tags: string[];
  price: number;
}

/** Products by id. */
export type Products = ReadonlyMap<string, Product>;

/** What one export of the shop holds. */
export interface Night {
  products: Products;
  catalogueCsv: string;
  eventsCsv: string;
  events: number;
}

export interface ShopOptions {
  seed: number;
  products: number;
  /** Interactions of the week. */
  events: number;
  nights: number;
  /** The night in which half of the prices go down; the next one brings them back. */
  sale: number;
}

const CATEGORIES = ['shoes', 'coats', 'hats', 'books', 'tea', 'lamps', 'chairs', 'toys'];
const VERBS = ['view', 'view', 'view', 'cart', 'purchase'];
const DAY_S = 86_400;
const START_S = Date.UTC(2026, 0, 5) / 1000;

/** Shares of the products per night. */
const REDUCED = 0.05;
const REDUCED_IN_SALE = 0.5;
const GONE = 0.02;
const RENAMED = 0.01;
/** Chance of an absent product to be back. */
const BACK = 0.4;
const NEW = 0.01;

export function simulateShop({ seed, products: size, events, nights, sale }: ShopOptions): Night[] {
  const random = createRandom(seed);
  const regular = new Map<string, Product>();
  const absent = new Set<string>();
  const add = (): void => {
    const n = regular.size;
    const category = CATEGORIES[random.below(CATEGORIES.length)] as string;
    const tags = random.chance(0.3) ? [category, 'outlet'] : [category];
    regular.set(`sku-${n}`, { title: `The ${category} no. ${n}`, tags, price: 5 + random.below(9_500) / 100 });
  };
  for (let n = 0; n < size; n++) add();

  return Array.from({ length: nights }, (_, night) => {
    if (night > 0) {
      for (const id of [...absent]) if (random.chance(BACK)) absent.delete(id);
      for (const [id, product] of regular) {
        if (random.chance(GONE)) absent.add(id);
        if (random.chance(RENAMED)) regular.set(id, { ...product, title: `${product.title}, new edition` });
      }
      for (let n = 0; n < Math.max(1, size * NEW); n++) add();
    }
    // A reduced price is one night's: the next export holds the regular one again.
    const reduced = night === sale ? REDUCED_IN_SALE : night === 0 ? 0 : REDUCED;
    const products = new Map<string, Product>();
    for (const [id, product] of regular) {
      const price = random.chance(reduced) ? Math.round(product.price * 80) / 100 : product.price;
      if (!absent.has(id)) products.set(id, { ...product, price });
    }
    const today = Math.floor(events / nights) + (night < events % nights ? 1 : 0);
    return { products, catalogueCsv: catalogueCsv(products, random), ...eventsOf(products, night, today, random) };
  });
}

/** The order of the rows is another one each night, as a database gives it. */
function catalogueCsv(products: Products, random: Random): string {
  const rows = [...products].map(([id, { title, tags, price }]) => `${id},"${title}",${tags.join('|')},${price}`);
  for (let i = rows.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [rows[i], rows[j]] = [rows[j] as string, rows[i] as string];
  }
  return `product_id,title,tags,price\n${rows.join('\n')}\n`;
}

function eventsOf(products: Products, night: number, count: number, random: Random) {
  const ids = [...products.keys()];
  const customers = Math.max(10, Math.floor(count / 10));
  const rows = Array.from({ length: count }, (_, n) => {
    const at = START_S + night * DAY_S + Math.floor((n * DAY_S) / count);
    const id = ids[Math.floor(ids.length * random.next() ** 2)];
    return `c${random.below(customers)},${id},${VERBS[random.below(VERBS.length)]},${at}`;
  });
  return { eventsCsv: `customer_id,product_id,event_type,timestamp\n${rows.join('\n')}\n`, events: count };
}
