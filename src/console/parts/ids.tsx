/** Links to users and items. */
import { may } from '../api/caller.ts';
import { titleOf } from '../api/titles.ts';
import { hrefOf } from '../shell/router.ts';

export function ItemLink({ item, title }: { item: string; title?: string | undefined }) {
  const text = title ?? (may('recommend') ? titleOf(item) : item);
  return may('recommend') ? (
    <a href={hrefOf('items', item)} title={item}>
      {text}
    </a>
  ) : (
    <span title={item}>{text}</span>
  );
}

export const UserLink = ({ user }: { user: string }) =>
  may('recommend') ? <a href={hrefOf('users', user)}>{user}</a> : <span>{user}</span>;
