import {
  BadgeDollarSign,
  BookOpenText,
  ChartColumn,
  Clapperboard,
  Gauge,
  Info,
  KeyRound,
  Layers,
  type LucideIcon,
  ReceiptText,
  ScrollText,
  Settings,
  Sparkles,
  Tag,
  Ticket,
  UserRound,
  Users,
  Waypoints,
  Webhook,
} from "lucide-react";

export type Place = {
  /** Key of its name: nav.<name>. */
  name: string;
  to: string;
  icon: LucideIcon;
  /** who sees it; everybody without. */
  admin?: boolean;
  /** Not in the side bar, only in the command menu. */
  hidden?: boolean;
};

/** The rooms of the console, in the order of the side bar. */
export const places: { name: string; places: Place[] }[] = [
  {
    name: "work",
    places: [
      { name: "overview", to: "/", icon: Gauge },
      { name: "tasks", to: "/tasks", icon: Clapperboard },
      { name: "playground", to: "/playground", icon: Sparkles },
    ],
  },
  {
    name: "service",
    places: [
      { name: "channels", to: "/channels", icon: Waypoints, admin: true },
      { name: "prices", to: "/prices", icon: Tag, admin: true },
    ],
  },
  {
    name: "people",
    places: [
      { name: "users", to: "/users", icon: Users, admin: true },
      { name: "groups", to: "/groups", icon: Layers, admin: true },
      { name: "tokens", to: "/tokens", icon: KeyRound },
    ],
  },
  {
    name: "money",
    places: [
      { name: "usage", to: "/usage", icon: ChartColumn },
      { name: "ledger", to: "/ledger", icon: ReceiptText },
      { name: "redemptions", to: "/redemptions", icon: Ticket, admin: true },
      { name: "pricing", to: "/pricing", icon: BadgeDollarSign, hidden: true },
    ],
  },
  {
    name: "system",
    places: [
      { name: "webhooks", to: "/webhooks", icon: Webhook },
      { name: "audit", to: "/audit", icon: ScrollText, admin: true },
      { name: "settings", to: "/settings", icon: Settings, admin: true },
      { name: "about", to: "/about", icon: Info },
      { name: "profile", to: "/profile", icon: UserRound, hidden: true },
      { name: "apiDocs", to: "/api/docs", icon: BookOpenText, hidden: true },
    ],
  },
];
