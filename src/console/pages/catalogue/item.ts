/** An item of the catalogue, as `GET /v1/items/{id}` answers it. */
export type Attribute = string | number | boolean | string[];

export interface Item {
  item: string;
  available: boolean;
  title: string;
  description?: string;
  tags?: string[];
  attributes?: Record<string, Attribute>;
  published?: string;
  embedding?: number[];
}
