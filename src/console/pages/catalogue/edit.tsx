/** Changes an item by publishing content events, each after the reader has seen what it will do. */
import { useState } from 'preact/hooks';
import { publish } from '../../api/publish.ts';
import { learnTitle } from '../../api/titles.ts';
import { Confirm } from '../../parts/confirm.tsx';
import type { Item } from './item.ts';

interface Draft {
  title: string;
  description: string;
  tags: string;
  attributes: string;
}

const draftOf = ({ title, description = '', tags = [], attributes = {} }: Item): Draft => ({
  title,
  description,
  tags: tags.join(', '),
  attributes: JSON.stringify(attributes, null, 2),
});

const tagsOf = (text: string): string[] =>
  text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');

/** A JSON Merge Patch (RFC 7386) from the item to the draft. Throws if the attributes are no JSON object. */
function patchOf(item: Item, draft: Draft): Record<string, unknown> {
  const before = draftOf(item);
  const patch: Record<string, unknown> = {};
  if (draft.title !== before.title) patch.title = draft.title;
  if (draft.description !== before.description) patch.description = draft.description === '' ? null : draft.description;
  if (draft.tags !== before.tags) patch.tags = tagsOf(draft.tags);
  if (draft.attributes !== before.attributes) {
    const wanted = attributesOf(draft.attributes);
    const changed: Record<string, unknown> = {};
    for (const name of Object.keys(item.attributes ?? {})) if (!(name in wanted)) changed[name] = null;
    for (const [name, value] of Object.entries(wanted))
      if (JSON.stringify(value) !== JSON.stringify(item.attributes?.[name])) changed[name] = value;
    if (Object.keys(changed).length > 0) patch.attributes = changed;
  }
  return patch;
}

function attributesOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (err) {
    throw new Error(`The attributes are no JSON: ${err instanceof Error ? err.message : String(err)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('The attributes are no JSON object. Write {"name": "value"}.');
  return value as Record<string, unknown>;
}

export function EditItem({ item, onChange }: { item: Item; onChange: (seq: number) => void }) {
  const [editing, setEditing] = useState(false);
  const [draft, setDraft] = useState(() => draftOf(item));
  const [reason, setReason] = useState('');

  let patch: Record<string, unknown> = {};
  let wrong: string | undefined;
  try {
    patch = patchOf(item, draft);
  } catch (err) {
    wrong = err instanceof Error ? err.message : String(err);
  }
  const unchanged = wrong === undefined && Object.keys(patch).length === 0;

  const publishAbout = async (type: string, data: object): Promise<void> =>
    onChange(await publish(type, item.item, data));

  if (!editing)
    return (
      <div class="bar card-end">
        <button
          type="button"
          onClick={() => {
            setDraft(draftOf(item));
            setEditing(true);
          }}
        >
          Edit
        </button>
        {item.available ? (
          <Confirm
            label="Withdraw"
            title={`Withdraw ${item.title}?`}
            danger
            done="The item is withdrawn."
            onConfirm={() => publishAbout('content.withdrawn.v1', reason === '' ? {} : { reason })}
          >
            <p>
              This publishes a <code>content.withdrawn.v1</code> event. The item leaves all lists within a moment. Its
              history stays, and you can restore it.
            </p>
            <label>
              Reason (optional)
              <input type="text" value={reason} onInput={({ currentTarget }) => setReason(currentTarget.value)} />
            </label>
          </Confirm>
        ) : (
          <Confirm
            label="Restore"
            title={`Restore ${item.title}?`}
            done="The item is back."
            onConfirm={() => publishAbout('content.restored.v1', {})}
          >
            <p>
              This publishes a <code>content.restored.v1</code> event. The item may be in lists again.
            </p>
          </Confirm>
        )}
      </div>
    );

  const field = (name: keyof Draft) => ({
    value: draft[name],
    onInput: ({ currentTarget }: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) =>
      setDraft({ ...draft, [name]: currentTarget.value }),
  });
  return (
    <div class="card-end">
      <h3>Edit</h3>
      <label>
        Title
        <input type="text" {...field('title')} />
      </label>
      <label>
        Description
        <input type="text" {...field('description')} />
      </label>
      <label>
        Tags, separated by commas
        <input type="text" {...field('tags')} />
      </label>
      <label>
        Attributes, JSON
        <textarea spellcheck={false} {...field('attributes')} />
      </label>
      {wrong !== undefined && (
        <p class="note bad" role="alert">
          {wrong}
        </p>
      )}
      <div class="bar">
        <Confirm
          label="Publish the change"
          title="Publish the change?"
          disabled={unchanged || wrong !== undefined}
          done="The change is published."
          onConfirm={async () => {
            await publishAbout('content.updated.v1', patch);
            learnTitle(item.item, draft.title);
            setEditing(false);
          }}
        >
          <p>
            This publishes a <code>content.updated.v1</code> event with this change. The catalogue shows it within a
            moment, and what the model learns from the words of the item follows.
          </p>
          <pre>{JSON.stringify(patch, null, 2)}</pre>
        </Confirm>
        <button type="button" onClick={() => setEditing(false)}>
          Cancel
        </button>
      </div>
    </div>
  );
}
