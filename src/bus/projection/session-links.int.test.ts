import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  LINK_HISTORY_SCHEMA,
  prepareLinkHistory,
  prepareSaidLinks,
  prepareSessionLinks,
  SAID_LINKS_SCHEMA,
  SESSION_LINKS_SCHEMA,
} from './session-links.ts';

let db: Database.Database;

beforeEach(() => {
  db = new Database(':memory:');
  db.exec(`${SESSION_LINKS_SCHEMA}${LINK_HISTORY_SCHEMA}${SAID_LINKS_SCHEMA}`);
});
afterEach(() => {
  db.close();
});

describe('the links in force', () => {
  it('give each session to the user that linked it first', () => {
    const links = prepareSessionLinks(db);
    expect(links.link('s', 'u')).toBe(true);
    expect(links.link('s', 'v')).toBe(false);
    expect(['s', 'u', 'v'].map(links.ownerOf)).toEqual(['u', 'u', 'v']);
  });

  it('take the sessions of a session along to its user', () => {
    const links = prepareSessionLinks(db);
    links.link('s2', 's1');
    links.link('s1', 'u');
    expect(links.ownerOf('s2')).toBe('u');
    expect(links.sessionsOf('u')).toEqual(['s1', 's2']);
    expect(links.sessionsOf('s1')).toEqual([]);
  });

  it('never close a circle', () => {
    const links = prepareSessionLinks(db);
    expect(links.link('u', 'u')).toBe(false);
    links.link('s', 'u');
    // The event of s that links u counts for u, the owner of s.
    expect(links.link('u', links.ownerOf('s'))).toBe(false);
    expect(links.ownerOf('u')).toBe('u');
  });

  it('lose the links to the named user alone', () => {
    const links = prepareSessionLinks(db);
    links.link('s1', 'u');
    links.link('s2', 'v');
    links.unlink(['s1', 's2'], 'u');
    expect(['s1', 's2'].map(links.ownerOf)).toEqual(['s1', 'v']);
  });
});

describe('the history of links', () => {
  it('gives the owner and the sessions as they were at a position', () => {
    const history = prepareLinkHistory(db);
    history.add({ seq: 2, session: 's2', claimant: 's1', counts: true });
    history.add({ seq: 4, session: 's1', claimant: 'u', counts: true });
    history.add({ seq: 5, session: 's1', claimant: 'v', counts: false });
    expect([1, 2, 3, 4, 5].map((seq) => history.ownerAt('s2', seq))).toEqual(['s2', 's1', 's1', 'u', 'u']);
    expect(history.idsAt('u', 3)).toEqual(['u']);
    expect(history.idsAt('u', 5)).toEqual(['u', 's1', 's2']);
    expect(history.idsAt('v', 5)).toEqual(['v']);
    history.dropOf('u', 4);
    expect([4, 5].map(history.has)).toEqual([false, true]);
    expect(history.ownerAt('s2', 5)).toBe('s1');
  });
});

describe('the links in the log', () => {
  it('name the sessions of a user, the most distant ones first, without those of another user', () => {
    const said = prepareSaidLinks(db);
    said.add(1, 's2', 's1');
    said.add(2, 's1', 'u');
    said.add(3, 's1', 'v');
    said.add(4, 's3', 'u');
    said.add(5, 's3', 'u');
    expect(said.sessionsOf('u')).toEqual(['s2', 's3', 's1']);
    expect(said.sessionsOf('v')).toEqual([]);
    expect(said.sessionsUpTo('u', 4)).toEqual(['s1', 's3']);
    said.drop('u', 4);
    expect(said.sessionsOf('v')).toEqual(['s2', 's1']);
    expect(['s1', 's2', 's3', 's4'].map(said.isClaimed)).toEqual([true, true, true, false]);
  });
});
