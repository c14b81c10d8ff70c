import { Link, useRouter } from "@tanstack/react-router";
import { LogOut, Monitor, Moon, Sun, UserRound } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { client } from "@/api/client";
import { type Language, languages, setLanguage } from "@/i18n";
import { setTheme, type Theme, useTheme } from "@/lib/theme";
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from "@/ui/menu";
import { forget, useMe } from "./session";

/** The language and the colours, for this browser. */
export function PreferencesMenu({ trigger }: { trigger: ReactNode }) {
  const { t, i18n } = useTranslation();
  const theme = useTheme();
  return (
    <Menu defaultOpen trigger={trigger}>
      <MenuLabel>Language · 语言</MenuLabel>
      <MenuChoice
        value={i18n.language as Language}
        onChange={(l) => void setLanguage(l)}
        options={Object.entries(languages) as [Language, string][]}
      />
      <MenuLine />
      <MenuLabel>{t("shell.theme")}</MenuLabel>
      <MenuChoice<Theme>
        value={theme}
        onChange={setTheme}
        options={[
          ["light", <Themed key="l" icon={Sun} text={t("shell.themes.light")} />],
          ["dark", <Themed key="d" icon={Moon} text={t("shell.themes.dark")} />],
          ["system", <Themed key="s" icon={Monitor} text={t("shell.themes.system")} />],
        ]}
      />
    </Menu>
  );
}

const Themed = ({ icon: Icon, text }: { icon: typeof Sun; text: string }) => (
  <>
    <Icon aria-hidden />
    {text}
  </>
);

/** Who is signed in, and the way out. */
export function AccountMenu({ trigger }: { trigger: ReactNode }) {
  const { t } = useTranslation();
  const me = useMe();
  const router = useRouter();
  const signOut = async () => {
    await client.DELETE("/api/session");
    await router.navigate({ to: "/sign-in" });
    forget();
  };
  return (
    <Menu defaultOpen trigger={trigger}>
      <div className="px-2 pt-1.5 pb-1">
        <p className="max-w-52 truncate font-medium">{me.display_name || me.name}</p>
        <p className="text-faint text-xs">
          {t(`role.${me.role}`)} · {t("shell.inGroup", { group: me.group })}
        </p>
      </div>
      <MenuLine />
      <MenuItem asChild>
        <Link to="/profile">
          <UserRound aria-hidden />
          {t("nav.profile")}
        </Link>
      </MenuItem>
      <MenuItem onSelect={() => void signOut()}>
        <LogOut aria-hidden />
        {t("shell.signOut")}
      </MenuItem>
    </Menu>
  );
}
