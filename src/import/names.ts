/** Usual names of columns, by which the import recognises a table that comes without a map. */

/** In order of preference. Case, blanks and punctuation do not matter: `User-ID` is `userid`. */
export const NAMES = {
  user: 'user userid uid customer customerid visitor visitorid member memberid reader readerid account accountid reviewerid listenerid viewerid shopperid buyerid',
  item: 'item itemid iid product productid movie movieid sku article articleid track trackid book bookid content contentid parentasin asin business businessid isbn videoid songid artistid gameid animeid recipeid newsid showid podcastid listingid pid',
  time: 'timestamp time ts datetime date eventtime createdat occurredat unixtime unixreviewtime tdat',
  rating: 'rating score stars overall bookrating',
  value: 'value amount eventvalue',
  type: 'eventtype event type eventname action behavior behaviour behaviortype',
  title: 'title name movietitle itemname itemtitle productname producttitle booktitle tracktitle',
  description: 'description summary abstract overview productdescription itemdescription',
  tags: 'tags tag genres genre class categories category subjects keywords categoryl1',
  published: 'published releaseyear releasedate year publicationyear yearofpublication publishedat creationtimestamp',
  embedding: 'embedding vector',
  personal:
    'zip zipcode postal postalcode postcode name firstname lastname fullname username surname email mail emailaddress phone phonenumber mobile address street ip ipaddress birthday birthdate dateofbirth ssn',
} as const;

export type ColumnRole = keyof typeof NAMES;

/** The usual names of each role, as {@link columnOf} compares them. */
export const NAMES_BY_ROLE = Object.fromEntries(
  Object.entries(NAMES).map(([role, names]) => [role, names.split(' ')] as const),
) as Record<ColumnRole, string[]>;

export const normal = (column: string): string => column.toLowerCase().replace(/[^a-z0-9]/g, '');

/** The column with a usual name of this role. The names are in order of preference. */
export function columnOf(role: ColumnRole, header: readonly string[]): string | undefined {
  for (const name of NAMES_BY_ROLE[role]) {
    const column = header.find((candidate) => normal(candidate) === name);
    if (column !== undefined) return column;
  }
  return undefined;
}

/** All columns with a usual name of this role, in the order of the header. */
export function columnsOf(role: ColumnRole, header: readonly string[]): string[] {
  return header.filter((column) => NAMES_BY_ROLE[role].includes(normal(column)));
}
