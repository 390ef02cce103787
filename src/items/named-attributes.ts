/** The attributes that the filters of a request name, by the member that holds them: for warnings about mistyped names. */

export interface NamedAttributes {
  member: string;
  names: string[];
}

/** The members of a request that hold filters; its schema is checked, and each filter is valid. */
interface Filtered {
  filter?: unknown;
  filters?: readonly unknown[] | undefined;
  boosts?: readonly { filter?: unknown }[] | undefined;
  quotas?: readonly { filter?: unknown; per?: string | undefined }[] | undefined;
}

const ATTRIBUTE = 'attributes.';

/** Empty for a request without filters. */
export function namedAttributes({ filter, filters = [], boosts = [], quotas = [] }: Filtered): NamedAttributes[] {
  const found: NamedAttributes[] = [];
  const add = (member: string, fields: Iterable<string>): void => {
    const names = [...fields]
      .filter((field) => field.startsWith(ATTRIBUTE))
      .map((field) => field.slice(ATTRIBUTE.length));
    if (names.length > 0) found.push({ member, names: [...new Set(names)] });
  };
  add('filter', fieldsOf(filter));
  filters.forEach((one, i) => {
    add(`filters[${i}]`, fieldsOf(one));
  });
  boosts.forEach((one, i) => {
    add(`boosts[${i}].filter`, fieldsOf(one.filter));
  });
  quotas.forEach(({ per, filter: of }, i) => {
    if (per !== undefined) add(`quotas[${i}].per`, [per]);
    add(`quotas[${i}].filter`, fieldsOf(of));
  });
  return found;
}

/** Fields of a filter: its keys, and those of the filters that it combines. */
function* fieldsOf(filter: unknown): Generator<string> {
  if (typeof filter !== 'object' || filter === null) return;
  for (const [name, inner] of Object.entries(filter)) {
    if (!name.startsWith('$')) yield name;
    else if (Array.isArray(inner)) for (const one of inner) yield* fieldsOf(one);
  }
}
