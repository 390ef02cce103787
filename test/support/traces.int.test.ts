import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { startNatsServer } from './nats.ts';
import { tempDir } from './tempdir.ts';
import { findTraces, formsOf, traceLines } from './traces.ts';

const ID = 'Zoë "the+/=" ☃-4711';

it('knows the forms of a text', () => {
  const forms = Object.fromEntries(formsOf('é-1').map(([form, bytes]) => [form, bytes.toString('latin1')]));
  expect(forms).toMatchObject({
    token: '=C3=A9-1',
    'JSON escapes': '\\u00E9-1',
    percent: '%C3%A9-1',
    hex: 'C3A92D31',
  });
});

it('finds a text in each form, in names of files, and inside compressed bytes', async () => {
  const folder = tempDir('traces');
  mkdirSync(join(folder, 'deep'));
  const around = (text: string | Buffer): Buffer =>
    Buffer.concat([Buffer.from('before'), Buffer.from(text as string), Buffer.from('behind')]);
  const forms = formsOf(ID);
  for (const [i, [, bytes]] of forms.entries()) writeFileSync(join(folder, 'deep', `${i}`), around(bytes));
  for (let shift = 0; shift < 5; shift++)
    writeFileSync(join(folder, `base64-${shift}`), Buffer.from('x'.repeat(shift) + ID + shift).toString('base64'));
  writeFileSync(
    join(folder, 'archive'),
    Buffer.concat([Buffer.from('head'), gzipSync(around(ID)), deflateSync(around(ID))]),
  );
  writeFileSync(join(folder, encodeURIComponent(ID)), 'nothing');
  writeFileSync(join(folder, 'others'), 'Zoe the snowman 4712');
  const found = await findTraces([folder], [ID]);
  const files = new Set(found.map(({ file }) => file));
  for (let i = 0; i < forms.length; i++) expect(files, forms[i]?.[0]).toContain(`deep/${i}`);
  for (let shift = 0; shift < 5; shift++) expect(files).toContain(`base64-${shift}`);
  expect(found.filter(({ file }) => file === 'archive').map(({ inside }) => inside)).toEqual(['gzip', 'deflate']);
  expect(files).toContain(`the name ${encodeURIComponent(ID)}`);
  expect(files).not.toContain('others');
});

it('finds a text in the blocks of a stream that the server compresses', async () => {
  const server = await startNatsServer();
  onTestFinished(server.stop);
  const nc = await server.connect();
  const jsm = await nc.jetstreamManager();
  await jsm.streams.add({ name: 'S', subjects: ['s'], compression: 's2' } as Parameters<typeof jsm.streams.add>[0]);
  const texts = Array.from({ length: 400 }, (_, i) => `the words of number ${i} are like those of the others`);
  // The server compresses a block of 8 MiB when the next one begins.
  const filler = 'these words repeat '.repeat(4_000);
  for (const text of texts) await nc.jetstream().publish('s', `${text} ${filler}`);
  const found = await findTraces([server.dir], [texts[7] as string, texts[399] as string]);
  expect(traceLines(found).sort()).toEqual([
    expect.stringMatching(/number 399 .*\(plain\) in .*\.blk: 1$/),
    expect.stringMatching(/number 7 .*\(plain in S2\) in .*1\.blk: 1$/),
  ]);
});
