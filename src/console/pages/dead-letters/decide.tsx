/** What to do with a dead letter: look again, correct and publish anew, or discard. */
import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { ApiError } from '../../api/problem.ts';
import { Confirm } from '../../parts/confirm.tsx';
import type { DeadLetter } from './dead-letter.ts';

export function Decide({ dead, onDone }: { dead: DeadLetter; onDone: () => void }) {
  const { seq, event } = dead;
  const [text, setText] = useState(() => JSON.stringify(correctable(event), null, 2));
  const [said, setSaid] = useState<string | undefined>();
  const act = (verb: 'retry' | 'discard'): Promise<{ done: string; published?: number; next?: string }> =>
    call(`v1/dead-letters/${seq}/${verb}`, { method: 'POST', body: {} });

  async function correct(): Promise<void> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new Error('The corrected event is not JSON.');
    }
    const answer = await call<{ rejected: { code: string; message: string }[] }>('v1/events', {
      method: 'POST',
      body: value,
      media: 'application/cloudevents+json',
    });
    const [rejected] = answer.rejected;
    if (rejected)
      throw new ApiError({ code: rejected.code, title: 'Event refused', detail: rejected.message, status: 400 });
    await act('discard');
    onDone();
  }

  return (
    <div class="bar">
      <Confirm
        label="Retry"
        title={`Retry event ${seq}?`}
        done="The retry is done."
        onConfirm={async () => {
          const { done, published, next } = await act('retry');
          setSaid(
            done === 'corrected'
              ? `The corrected event is in the log already, at position ${published}.`
              : `This release can read the event. Next: ${next}`,
          );
        }}
      >
        <p>
          The gateway looks whether this release can read the event. If it can, a rebuild of the service folds it at its
          own position. It publishes nothing.
        </p>
      </Confirm>
      <Confirm
        label="Correct"
        title={`Correct event ${seq}?`}
        done="The corrected event is published."
        onConfirm={correct}
      >
        <p>
          This publishes the event below under a new id, at the end of the log, and takes the dead letter off the list.
          The event at position {seq} stays in the log.
        </p>
        <label>
          Corrected event, JSON
          <textarea
            class="tall"
            spellcheck={false}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
      </Confirm>
      <Confirm
        label="Discard"
        title={`Discard event ${seq}?`}
        danger
        done="The dead letter is discarded."
        onConfirm={async () => {
          await act('discard');
          onDone();
        }}
      >
        <p>This takes the dead letter off the list. Its event stays in the log, and no service folds it.</p>
      </Confirm>
      {said !== undefined && <span role="status">{said}</span>}
    </div>
  );
}

/** The event under an id of its own: the old one belongs to the invalid event. */
const correctable = (event: Record<string, unknown> | null): Record<string, unknown> =>
  event === null ? {} : { ...event, id: `${String(event.id ?? 'event')}.corrected` };
