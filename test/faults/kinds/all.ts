/** All faults, in the order in which the test runs them. */
import type { Fault } from '../fault.ts';
import { cutInReplay, cutLastBatch } from './connections-cut.ts';
import { credentialsRevoked, wrongCredentials } from './credentials.ts';
import { erasureKilled } from './erasure-killed.ts';
import { projectionsFull, streamFull } from './full-disks.ts';
import { poison } from './poison.ts';
import { serverStopped, serviceStopped, serviceTerminated, slowService } from './processes-stopped.ts';
import { fileDeleted, fileTruncated, newerCopy, olderCopy, walTruncated } from './projection-files.ts';
import { answersLost, oddTimes, publishedTwice } from './publishing.ts';
import { serverKilled } from './server-killed.ts';
import { servicesKilled } from './services-killed.ts';
import { killedBeforePointer, snapshotDamaged } from './snapshots.ts';
import { flippedWhileRunning, newestBlockFlipped, oldBlockFlipped, streamRecreated } from './streams-damaged.ts';
import { consumerStolen, secondInstance } from './two-instances.ts';

export const FAULTS: readonly Fault[] = [
  servicesKilled,
  erasureKilled,
  serverKilled,
  serviceTerminated,
  serverStopped,
  serviceStopped,
  slowService,
  cutInReplay,
  cutLastBatch,
  answersLost,
  publishedTwice,
  oddTimes,
  fileDeleted,
  fileTruncated,
  walTruncated,
  olderCopy,
  newerCopy,
  poison,
  secondInstance,
  consumerStolen,
  killedBeforePointer,
  snapshotDamaged,
  projectionsFull,
  streamFull,
  wrongCredentials,
  credentialsRevoked,
  streamRecreated,
  newestBlockFlipped,
  oldBlockFlipped,
  flippedWhileRunning,
];
