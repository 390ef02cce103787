/**
 * Prints the ranking of a user as a line of JSON, and a line for each change, with the package `nats` and nothing else.
 * It needs two subjects and no API of JetStream, so it also runs in an account that imports them.
 *
 *     npm install nats
 *     node watch-ranking.mjs nats://127.0.0.1:4222 u42
 */
import { connect } from 'nats';

const [url, user] = process.argv.slice(2);

/** Encodes an id for a subject: [A-Za-z0-9_-] stay, every other byte becomes =HH. */
const token = (id) =>
  [...Buffer.from(id)]
    .map((byte) => String.fromCharCode(byte))
    .map((char) => (/[\w-]/.test(char) ? char : `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`))
    .join('');

const subject = `$KV.rankings.user.${token(user)}`;
const { username, password } = new URL(url);
const nc = await connect({
  servers: url,
  ...(username ? { user: decodeURIComponent(username), pass: decodeURIComponent(password) } : {}),
  maxReconnectAttempts: -1,
});
/** The ranking that was printed last. */
let shown = '';
/** Messages that came while the value was being read. */
let held;

const valueIn = (message) => (message.headers?.has('KV-Operation') ? '' : message.string());
const seqOf = (value) => (value === '' ? Number.POSITIVE_INFINITY : JSON.parse(value).seq);

function show(value) {
  if (value === shown) return;
  shown = value;
  console.log(value === '' ? JSON.stringify({ user, removed: true }) : value);
}

/** Reads the value, then takes the messages that came meanwhile, unless they are older. */
async function read() {
  if (held) return;
  held = [];
  try {
    const answer = await nc.request(`$JS.API.DIRECT.GET.KV_rankings.${subject}`);
    const value = answer.headers?.code === 404 ? '' : valueIn(answer);
    // The read may have overtaken a message on its way into the bucket.
    if (value === '' || shown === '' || seqOf(value) >= seqOf(shown)) show(value);
    const later = held.slice(held.lastIndexOf(value) + 1);
    for (const one of later) if (value === '' || seqOf(one) >= seqOf(value)) show(one);
  } catch (err) {
    console.error(`The ranking cannot be read: ${err.message}. The next try is in a second.`);
    setTimeout(read, 1_000);
  } finally {
    held = undefined;
  }
}

nc.subscribe(subject, {
  callback: (err, message) => {
    if (err) throw err;
    const value = valueIn(message);
    if (held) held.push(value);
    else show(value);
  },
});
/** The second read finds what the server stored after the first, but handed out before it knew the subscription. */
async function readTwice() {
  await read();
  setTimeout(read, 1_000);
}

await readTwice();
for await (const { type } of nc.status()) if (type === 'reconnect') await readTwice();
