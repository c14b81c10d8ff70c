import { useNavigate } from "@tanstack/react-router";
import {
  type ColumnVisibilityState,
  columnVisibilityFeature,
  createColumnHelper,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { Columns3 } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Button, IconButton } from "./button";
import { Failure, Skeleton } from "./feedback";
import { Menu, MenuCheck, MenuLabel } from "./menu";

export type Column<T> = {
  id: string;
  /** Text of the head, and of the menu in which columns are chosen. */
  title: string;
  cell: (row: T) => ReactNode;
  /** Numbers stand at the right. */
  right?: boolean;
  /** Not shown unless the reader asks for it. */
  extra?: boolean;
  /** On a phone: head of the card, whole line, or left out. */
  phone?: "head" | "wide" | "none";
  className?: string;
};

const features = tableFeatures({ columnVisibilityFeature });

type Rows<T> = {
  data: { pages: { items: T[]; next_cursor?: string }[] } | undefined;
  error: unknown;
  isPending: boolean;
  isFetchingNextPage: boolean;
  hasNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
};

type ListProps<T> = {
  /** Names the list in what this browser remembers of its columns. */
  name: string;
  columns: Column<T>[];
  rows: Rows<T>;
  rowKey: (row: T) => string | number;
  /** Where a row leads. */
  href?: (row: T) => string;
  onOpen?: (row: T) => void;
  empty: ReactNode;
  /** Filters and the like, beside the choice of columns. */
  toolbar?: ReactNode;
  caption: string;
};

/** The rows of an infinite query of pages by cursor, as api.useInfiniteQuery takes it. */
export const byCursor = {
  pageParamName: "cursor",
  initialPageParam: "",
  getNextPageParam: (page: { next_cursor?: string }) => page.next_cursor,
} as const;

/** A list that comes whole in one answer, in the form that List takes. */
export function whole<T>(
  query: { error: unknown; isPending: boolean; refetch: () => unknown },
  items: T[] | undefined,
): Rows<T> {
  return {
    data: items && { pages: [{ items }] },
    error: query.error,
    isPending: query.isPending,
    isFetchingNextPage: false,
    hasNextPage: false,
    fetchNextPage: () => {},
    refetch: query.refetch,
  };
}

function remembered(name: string): ColumnVisibilityState {
  try {
    return JSON.parse(localStorage.getItem(`columns.${name}`) ?? "{}") as ColumnVisibilityState;
  } catch {
    return {};
  }
}

/**
 * A list of rows: a table where there is room, cards on a phone. Pages follow by
 * their cursor when the reader asks for more. Which columns are shown is
 * remembered by the browser.
 */
export function List<T>({ name, columns, rows, rowKey, href, onOpen, empty, toolbar, caption }: ListProps<T>) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [chosen, setChosen] = useState(() => remembered(name));
  const data = useMemo(() => rows.data?.pages.flatMap((p) => p.items) ?? [], [rows.data]);
  const helper = useMemo(() => createColumnHelper<typeof features, T & object>(), []);
  const defs = useMemo(
    () =>
      helper.columns(
        columns.map((c) =>
          helper.display({ id: c.id, header: () => c.title, cell: (x) => c.cell(x.row.original as T) }),
        ),
      ),
    [helper, columns],
  );
  const visibility = useMemo(
    () => Object.fromEntries(columns.map((c) => [c.id, chosen[c.id] ?? !c.extra])),
    [columns, chosen],
  );
  const table = useTable({
    features,
    columns: defs,
    data: data as (T & object)[],
    getRowId: (row) => String(rowKey(row as T)),
    state: { columnVisibility: visibility },
  });
  const shown = columns.filter((c) => visibility[c.id]);
  const byID = new Map(columns.map((c) => [c.id, c]));
  const open = (row: T) => {
    if (onOpen) onOpen(row);
    else if (href) void navigate({ to: href(row) });
  };
  const opens = !!(href || onOpen);
  const choose = (id: string, on: boolean) => {
    const next = { ...chosen, [id]: on };
    setChosen(next);
    localStorage.setItem(`columns.${name}`, JSON.stringify(next));
  };

  return (
    <div className="rounded-xl border border-line bg-surface">
      <div className="flex items-start gap-2 border-line border-b px-3 py-2.5">
        <div className="flex min-w-0 flex-1 flex-wrap items-center gap-2">{toolbar}</div>
        <span className="hidden md:block">
          <Menu
            trigger={
              <IconButton label={t("list.columns")}>
                <Columns3 aria-hidden />
              </IconButton>
            }
          >
            <MenuLabel>{t("list.columns")}</MenuLabel>
            {columns.map((c) => (
              <MenuCheck key={c.id} checked={visibility[c.id]} onCheckedChange={(on) => choose(c.id, on === true)}>
                {c.title}
              </MenuCheck>
            ))}
          </Menu>
        </span>
      </div>
      {rows.error && data.length === 0 ? (
        <Failure error={rows.error} retry={() => rows.refetch()} />
      ) : rows.isPending ? (
        <Loading columns={Math.min(shown.length, 6)} />
      ) : data.length === 0 && !rows.hasNextPage ? (
        empty
      ) : (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <section className="hidden overflow-x-auto md:block" tabIndex={0} aria-label={caption}>
            <table className="w-full border-collapse text-left">
              <caption className="sr-only">{caption}</caption>
              <thead>
                {table.getHeaderGroups().map((g) => (
                  <tr key={g.id} className="border-line border-b text-soft text-xs">
                    {g.headers.map((h) => (
                      <th
                        key={h.id}
                        scope="col"
                        className={cn(
                          "whitespace-nowrap px-2.5 py-2 font-medium first:pl-3 last:pr-3",
                          byID.get(h.column.id)?.right && "text-right",
                        )}
                      >
                        <table.FlexRender header={h} />
                      </th>
                    ))}
                  </tr>
                ))}
              </thead>
              <tbody>
                {table.getRowModel().rows.map((r) => (
                  <tr
                    key={r.id}
                    className={cn("border-line border-b last:border-0", opens && "cursor-pointer hover:bg-sunken/60")}
                    onClick={(e) => {
                      if (!opens || (e.target as Element).closest("a,button,input,label,[role=menuitem],[role=dialog]"))
                        return;
                      if (window.getSelection()?.toString()) return;
                      open(r.original as T);
                    }}
                  >
                    {r.getVisibleCells().map((c) => (
                      <td
                        key={c.id}
                        className={cn(
                          "px-2.5 py-2 align-middle first:pl-3 last:pr-3",
                          byID.get(c.column.id)?.right && "text-right",
                          byID.get(c.column.id)?.className,
                        )}
                      >
                        <table.FlexRender cell={c} />
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          <ul className="divide-y divide-line md:hidden" aria-label={caption}>
            {data.map((row) => (
              <Cards key={rowKey(row)} row={row} columns={shown} open={opens ? open : undefined} />
            ))}
          </ul>
          {rows.error != null && <Failure error={rows.error} retry={() => rows.fetchNextPage()} />}
          {rows.hasNextPage && (
            <div className="flex flex-col items-center gap-2 border-line border-t px-3 py-3">
              {data.length === 0 && <p className="text-soft">{t("list.searching")}</p>}
              <Button size="sm" busy={rows.isFetchingNextPage} onClick={() => rows.fetchNextPage()}>
                {t("list.more")}
              </Button>
            </div>
          )}
        </>
      )}
    </div>
  );
}

/** A row on a phone. */
function Cards<T>({ row, columns, open }: { row: T; columns: Column<T>[]; open?: (row: T) => void }) {
  const heads = columns.filter((c) => c.phone === "head");
  const rest = columns.filter((c) => c.phone !== "head" && c.phone !== "none");
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the head of the card holds the same link for keyboards
    <li
      className={cn("px-3 py-3", open && "cursor-pointer active:bg-sunken")}
      onClick={(e) => {
        if (!open || (e.target as Element).closest("a,button,input,label,[role=menuitem],[role=dialog]")) return;
        open(row);
      }}
    >
      <div className="flex flex-wrap items-center justify-between gap-2">
        {heads.map((c) => (
          <div key={c.id} className="min-w-0">
            {c.cell(row)}
          </div>
        ))}
      </div>
      <dl className="mt-1.5 grid grid-cols-2 gap-x-4 gap-y-1.5">
        {rest.map((c) => (
          <div key={c.id} className={cn("min-w-0", c.phone === "wide" && "col-span-2")}>
            <dt className={c.phone === "wide" ? "sr-only" : "text-faint text-xs"}>{c.title}</dt>
            <dd className="min-w-0 break-words">{c.cell(row)}</dd>
          </div>
        ))}
      </dl>
    </li>
  );
}

function Loading({ columns }: { columns: number }) {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t("common.loading")} className="divide-y divide-line">
      {Array.from({ length: 8 }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have nothing else
        <div key={i} className="flex h-12 items-center gap-4 px-3">
          {Array.from({ length: columns }, (_, j) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have nothing else
            <Skeleton key={j} className={cn("h-3.5 flex-1", j > 1 && "hidden md:block")} />
          ))}
        </div>
      ))}
    </div>
  );
}
