/** The log: its newest events, live, or one event. */

import { useState } from 'preact/hooks';
import { go, hrefOf, place } from '../../shell/router.ts';
import type { LogFilter } from './entry.ts';
import { OneEvent } from './one-event.tsx';
import { Publishers } from './publishers.tsx';
import { Tail } from './tail.tsx';

export const LogsPage = ({ id }: { id: string | undefined }) => (id === undefined ? <Newest /> : <OneEvent seq={id} />);

function Newest() {
  const { query } = place.value;
  const filter: LogFilter = {
    type: query.get('type') ?? undefined,
    user: query.get('user') ?? undefined,
    item: query.get('item') ?? undefined,
  };
  return (
    <>
      <h1 tabIndex={-1}>Log</h1>
      <p class="lead">The events as they arrive, newest first. Everything else in Freshet follows from them.</p>
      <Filters key={query.toString()} filter={filter} />
      <Tail key={`tail ${query.toString()}`} filter={filter} />
      <Publishers />
    </>
  );
}

const MEMBERS = [
  ['type', 'Type', 'user.viewed.v1'],
  ['user', 'User', 'u42'],
  ['item', 'Item', 'i7'],
] as const;

function Filters({ filter }: { filter: LogFilter }) {
  const [draft, setDraft] = useState(filter);
  const [seq, setSeq] = useState('');
  return (
    <div class="bar filters">
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault();
          go(hrefOf('log', undefined, { ...draft }));
        }}
      >
        {MEMBERS.map(([name, label, example]) => (
          <label key={name}>
            {label}
            <input
              type="text"
              value={draft[name] ?? ''}
              placeholder={example}
              autocomplete="off"
              spellcheck={false}
              onInput={({ currentTarget }) => setDraft({ ...draft, [name]: currentTarget.value.trim() || undefined })}
            />
          </label>
        ))}
        <button type="submit" class="main">
          Filter
        </button>
      </form>
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault();
          if (seq !== '') go(hrefOf('log', seq));
        }}
      >
        <label>
          Position
          <input
            type="text"
            inputMode="numeric"
            pattern="[0-9]+"
            value={seq}
            placeholder="4711"
            autocomplete="off"
            onInput={({ currentTarget }) => setSeq(currentTarget.value.trim())}
          />
        </label>
        <button type="submit">Show the event</button>
      </form>
    </div>
  );
}
