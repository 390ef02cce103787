/** An import while every process of the system is killed. */
import { importUnderKills } from '../support/import-under-kills.ts';

importUnderKills({
  interactions: 3_000,
  victims: ['engine', 'user', 'nats-server', 'content', 'feedback', 'nats-server', 'gateway'],
});
