import { ImagePlus, Link2, Trash2 } from "lucide-react";
import { type DragEvent, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Button } from "@/ui/button";
import { Input, Select } from "@/ui/form";
import type { Picture } from "./order";

/** Kling's own limit of a picture. */
const most = 10 << 20;

async function read(file: File): Promise<Picture> {
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return { base64: url.slice(url.indexOf(",") + 1), name: file.name, type: file.type };
}

type Props = {
  label: string;
  pictures: Picture[];
  most: number;
  onChange: (p: Picture[]) => void;
  /** Whether a picture may be the first or last one of the video. */
  roles?: boolean;
};

/** Pictures by file, by drop, by paste or by address. Files are sent as Base64 within the order. */
export function Pictures({ label, pictures, most: count, onChange, roles }: Props) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState("");
  const [address, setAddress] = useState<string | null>(null);
  const room = count - pictures.length;

  const take = async (files: Iterable<File>) => {
    setProblem("");
    const good: Picture[] = [];
    for (const f of files) {
      if (!/^image\/(jpeg|png)$/.test(f.type)) setProblem(t("playground.pictureType", { name: f.name }));
      else if (f.size > most) setProblem(t("playground.pictureLarge", { name: f.name }));
      else if (good.length < room) good.push(await read(f));
    }
    if (good.length) onChange([...pictures, ...good]);
  };
  const drop = (e: DragEvent) => {
    e.preventDefault();
    setOver(false);
    void take(e.dataTransfer.files);
  };
  const addAddress = () => {
    const url = (address ?? "").trim();
    if (!/^https?:\/\/\S+$/.test(url)) {
      setProblem(t("playground.pictureAddress"));
      return;
    }
    setProblem("");
    onChange([...pictures, { url }]);
    setAddress(null);
  };

  return (
    <fieldset>
      <legend className="mb-1 font-medium">
        {label}
        {count > 1 && (
          <span className="ml-1.5 font-normal text-faint text-xs">
            {pictures.length} / {count}
          </span>
        )}
      </legend>
      <div className="grid grid-cols-2 gap-2 sm:grid-cols-3">
        {pictures.map((p, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: pictures have no other name
          <figure key={i} className="overflow-hidden rounded-lg border border-line bg-sunken">
            <div className="relative flex h-28 items-center justify-center">
              {p.base64 ? (
                <img
                  src={`data:${p.type};base64,${p.base64}`}
                  alt={p.name ?? ""}
                  className="size-full object-contain"
                />
              ) : (
                <p className="break-all p-2 font-mono text-[0.6875rem] text-soft">{p.url}</p>
              )}
              <button
                type="button"
                aria-label={t("common.remove", { name: p.name ?? p.url ?? "" })}
                onClick={() => onChange(pictures.filter((_, j) => j !== i))}
                className="absolute top-1 right-1 rounded-md bg-surface/90 p-1 text-ink hover:text-bad"
              >
                <Trash2 className="size-4" aria-hidden />
              </button>
            </div>
            {roles && (
              <Select
                aria-label={t("playground.role")}
                className="[&_select]:h-8! [&_select]:rounded-none! [&_select]:border-x-0! [&_select]:border-b-0! [&_select]:text-xs"
                value={p.role ?? ""}
                onChange={(e) =>
                  onChange(
                    pictures.map((x, j) =>
                      j === i ? { ...x, role: (e.target.value || undefined) as Picture["role"] } : x,
                    ),
                  )
                }
              >
                <option value="">{t("playground.roles.none")}</option>
                <option value="first_frame">{t("playground.roles.first")}</option>
                <option value="end_frame">{t("playground.roles.end")}</option>
              </Select>
            )}
          </figure>
        ))}
        {room > 0 && (
          <label
            htmlFor={id}
            onDragOver={(e) => {
              e.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={drop}
            className={cn(
              "flex h-28 cursor-pointer flex-col items-center justify-center gap-1 rounded-lg border border-line-strong border-dashed px-2 text-center text-soft text-xs hover:bg-sunken has-focus-visible:outline-2 has-focus-visible:outline-accent",
              over && "border-accent bg-accent-wash",
            )}
          >
            <ImagePlus className="size-5" aria-hidden />
            {t("playground.addPicture")}
            <input
              ref={input}
              id={id}
              type="file"
              accept="image/png,image/jpeg"
              multiple={room > 1}
              className="sr-only"
              onChange={(e) => {
                void take(e.target.files ?? []);
                e.target.value = "";
              }}
              onPaste={(e) => void take(e.clipboardData.files)}
            />
          </label>
        )}
      </div>
      {room > 0 &&
        (address === null ? (
          <Button look="link" size="sm" className="mt-1.5" onClick={() => setAddress("")}>
            <Link2 aria-hidden />
            {t("playground.byAddress")}
          </Button>
        ) : (
          <div className="mt-2 flex gap-2">
            <Input
              type="url"
              aria-label={t("playground.byAddress")}
              placeholder="https://…"
              autoFocus
              value={address}
              onChange={(e) => setAddress(e.target.value)}
              onKeyDown={(e) => {
                if (e.key === "Enter") {
                  e.preventDefault();
                  addAddress();
                }
              }}
            />
            <Button onClick={addAddress}>{t("common.add")}</Button>
          </div>
        ))}
      {problem && (
        <p role="alert" className="mt-1 text-bad text-xs">
          {problem}
        </p>
      )}
    </fieldset>
  );
}
