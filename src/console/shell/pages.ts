/** The pages: what each needs, and where the navigation lists it. */
import type { ComponentType } from 'preact';
import type { Scope } from '../api/caller.ts';
import { ItemsPage } from '../pages/catalogue/items.tsx';
import { DeadLettersPage } from '../pages/dead-letters/dead-letters.tsx';
import { ErasuresPage } from '../pages/erasures/erasures.tsx';
import { ExperimentsPage } from '../pages/experiments/experiments.tsx';
import { HomePage } from '../pages/home.tsx';
import { LogsPage } from '../pages/log/log.tsx';
import { OverviewPage } from '../pages/overview/overview.tsx';
import { PlaygroundPage } from '../pages/playground.tsx';
import { SnapshotsPage } from '../pages/snapshots/snapshots.tsx';
import { UserPage } from '../pages/users/user.tsx';

export interface PageEntry {
  path: string;
  title: string;
  /** Scopes that the page cannot do without. Parts of it may need more. */
  needs: readonly Scope[];
  /** Heading of its part of the navigation; undefined: the page is only reached by links. */
  group?: 'People' | 'Catalogue' | 'System';
  show: ComponentType<{ id: string | undefined }>;
}

export const PAGES: readonly PageEntry[] = [
  { path: '', title: 'Start', needs: [], group: 'People', show: HomePage },
  { path: 'users', title: 'A user’s list', needs: ['recommend'], group: 'People', show: UserPage },
  {
    path: 'playground',
    title: 'Playground',
    needs: ['recommend', 'events:user'],
    group: 'People',
    show: PlaygroundPage,
  },
  { path: 'items', title: 'Catalogue', needs: ['recommend'], group: 'Catalogue', show: ItemsPage },
  { path: 'overview', title: 'Overview', needs: ['admin'], group: 'System', show: OverviewPage },
  { path: 'log', title: 'Log', needs: ['admin'], group: 'System', show: LogsPage },
  { path: 'dead-letters', title: 'Dead letters', needs: ['admin'], group: 'System', show: DeadLettersPage },
  { path: 'erasures', title: 'Erasures', needs: ['erase'], group: 'System', show: ErasuresPage },
  { path: 'experiments', title: 'Experiments', needs: ['admin'], group: 'System', show: ExperimentsPage },
  { path: 'snapshots', title: 'Snapshots', needs: ['admin'], group: 'System', show: SnapshotsPage },
];
