// Written by "npm run api" from /api/openapi.json. Do not edit.

export interface paths {
    "/api/about": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What this gateway is */
        get: operations["about"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List changes of money, keys, prices, roles and settings, newest first */
        get: operations["list-audit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List channels */
        get: operations["list-channels"];
        put?: never;
        /** Make a channel */
        post: operations["create-channel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the kinds of channels, with defaults */
        get: operations["list-channel-types"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a channel */
        get: operations["get-channel"];
        put?: never;
        post?: never;
        /** Delete a channel without live tasks */
        delete: operations["delete-channel"];
        options?: never;
        head?: never;
        /** Change a channel */
        patch: operations["update-channel"];
        trace?: never;
    };
    "/api/channels/{id}/disable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take a channel out by hand; its live tasks are still asked about */
        post: operations["disable-channel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a channel finish its tasks and take no new ones */
        post: operations["drain-channel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/enable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a channel take tasks */
        post: operations["enable-channel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/packs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the account's resource packs */
        get: operations["list-channel-packs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/reconcile": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Compare the upstream's bills with our charges
         * @description Changes nothing. Needs an API key on the channel. A charge belongs to the window by the time of its deduction, a task by its end.
         */
        get: operations["reconcile-channel"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/channels/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try each key with a call that costs nothing */
        post: operations["test-channel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List groups */
        get: operations["list-groups"];
        put?: never;
        /** Make a group */
        post: operations["create-group"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/groups/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a group */
        get: operations["get-group"];
        put?: never;
        post?: never;
        /** Delete a group without users */
        delete: operations["delete-group"];
        options?: never;
        head?: never;
        /** Change a group */
        patch: operations["update-group"];
        trace?: never;
    };
    "/api/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List invitations, newest first */
        get: operations["list-invitations"];
        put?: never;
        /** Make an invitation code, shown once */
        post: operations["create-invitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/invitations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke an invitation */
        delete: operations["revoke-invitation"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/ledger": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List ledger entries, newest first
         * @description Your own; administrators see all. A page may be short and have a next one: what was asked for is rare, and the search goes on there.
         */
        get: operations["list-ledger"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/ledger.csv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export ledger entries as CSV
         * @description Newest first, without a limit. The last line begins with end and counts the rows; without it the export is incomplete. Texts that a spreadsheet would run as a formula begin with an apostrophe.
         */
        get: operations["export-ledger"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/ledger/months": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A user's account over the last months
         * @description As get-statement for each month, newest first.
         */
        get: operations["list-statements"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/ledger/statement": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user's account over a month */
        get: operations["get-statement"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who am I */
        get: operations["get-me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Change my name and address */
        patch: operations["update-me"];
        trace?: never;
    };
    "/api/me/oidc": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List accounts at the OIDC provider that sign me in */
        get: operations["list-my-linked-accounts"];
        put?: never;
        /** Begin to link an account at the OIDC provider */
        post: operations["link-my-account"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/oidc/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Unlink an account at the OIDC provider */
        delete: operations["unlink-my-account"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/passkeys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List my passkeys */
        get: operations["list-my-passkeys"];
        put?: never;
        /** Add a passkey */
        post: operations["add-my-passkey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/passkeys/begin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to add a passkey */
        post: operations["begin-my-passkey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/passkeys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a passkey */
        delete: operations["delete-my-passkey"];
        options?: never;
        head?: never;
        /** Rename a passkey */
        patch: operations["rename-my-passkey"];
        trace?: never;
    };
    "/api/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Change my password; my other sessions end */
        post: operations["change-my-password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/personal-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List my personal access tokens */
        get: operations["list-my-personal-tokens"];
        put?: never;
        /** Make a personal access token, shown once */
        post: operations["create-my-personal-token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/personal-tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke a personal access token */
        delete: operations["delete-my-personal-token"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List where I am signed in */
        get: operations["list-my-sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End one of my sessions */
        delete: operations["delete-my-session"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to set up a second factor */
        post: operations["begin-my-totp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/totp/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask for the second factor from now on */
        post: operations["confirm-my-totp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/totp/disable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop asking for the second factor */
        post: operations["disable-my-totp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/webhook-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Show the secrets that sign what goes to the callback_url of my orders */
        post: operations["show-my-webhook-secret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/me/webhook-secret/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Have the callback_url of my orders signed with a new secret; the old one signs too for 24 h */
        post: operations["rotate-my-webhook-secret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Models that I may order from
         * @description Those that some channel of your group lists, whatever its state.
         */
        get: operations["list-models"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the nodes seen within the last hour */
        get: operations["list-nodes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/prices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the prices in force */
        get: operations["get-prices"];
        /**
         * Change prices
         * @description All nodes price by the new version within two seconds. Tasks that exist keep their price.
         */
        put: operations["put-prices"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/prices/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try a change of prices on sample orders */
        post: operations["preview-prices"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/prices/public": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What orders cost */
        get: operations["get-public-prices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/prices/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the versions of the prices */
        get: operations["list-price-versions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/prices/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a version of the prices */
        get: operations["get-price-version"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/prices/versions/{version}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Put an old version in force again */
        post: operations["restore-price-version"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/quote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What an order would cost
         * @description For signed-in users, and for callers with the token (sk-…) that they would send the order with. Give either the order as it would be sent (route or type, and body), or its facts (type, model, duration, aspect_ratio…). Nothing is ordered.
         */
        post: operations["quote"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/recovery": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read how far recovery from a backup has come */
        get: operations["get-recovery"];
        put?: never;
        /**
         * Begin or end recovery from a backup
         * @description 409 recovery_not_done: something is left to be found out.
         */
        post: operations["switch-recovery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/redemptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List redemption codes */
        get: operations["list-redemptions"];
        put?: never;
        /**
         * Make redemption codes
         * @description The answer is the only place where the codes stand.
         */
        post: operations["create-redemptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/redemptions/redeem": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Redeem a code */
        post: operations["redeem"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/redemptions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a redemption code */
        get: operations["get-redemption"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Disable a redemption code, or open it again */
        patch: operations["update-redemption"];
        trace?: never;
    };
    "/api/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make an account for myself and sign in */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Set a new password by a reset link */
        post: operations["reset-password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in with a password */
        post: operations["sign-in"];
        /** Sign out */
        delete: operations["sign-out"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in with a one-time link
         * @description The link is printed on the gateway's machine, by one-api demo and one-api setup, and works once.
         */
        post: operations["sign-in-by-link"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session/methods": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Ways to sign in */
        get: operations["sign-in-methods"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session/oidc": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Go to the OIDC provider to sign in */
        get: operations["begin-oidc"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session/oidc/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Come back from the OIDC provider */
        get: operations["finish-oidc"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session/passkey": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in with a passkey */
        post: operations["passkey-sign-in"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session/passkey/begin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to sign in with a passkey */
        post: operations["begin-passkey-sign-in"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the settings */
        get: operations["get-settings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Change settings on all nodes */
        patch: operations["update-settings"];
        trace?: never;
    };
    "/api/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Does the gateway wait for its first administrator */
        get: operations["get-setup"];
        put?: never;
        /** Make the first administrator and sign in */
        post: operations["set-up"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Spend, success, speed and margin */
        get: operations["get-stats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/stats/tags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Spend by tag */
        get: operations["get-tag-stats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tasks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List tasks, newest first
         * @description Your own; administrators see all. A page may be short and have a next one: what was asked for is rare, and the search goes on there.
         */
        get: operations["list-tasks"];
        put?: never;
        /**
         * Order a task for myself
         * @description As a create of the callers' API: the order is checked, priced, held and sent. A refusal by the upstream is answered as a problem with task_id; nothing is charged then.
         */
        post: operations["create-task"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tasks/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow tasks live
         * @description Server-sent events. event: task has a task as list-tasks shows it, first as it is and then whenever it has changed; event: done says that all tasks asked for have ended; event: end, with a reason (timeout, stopping, signed_out), that the stream ends for another cause and may be opened again. At most 8 streams a user.
         */
        get: operations["task-events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tasks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a task with its history */
        get: operations["get-task"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tasks/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Cancel a task that has not been sent */
        post: operations["cancel-task"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tasks/{id}/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask the upstream about a task now */
        post: operations["check-task"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tasks/{id}/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A task's result itself
         * @description The result's bytes, fetched from the upstream; ranges work. 404 result_gone once the upstream has removed it.
         */
        get: operations["get-task-media"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List tokens */
        get: operations["list-tokens"];
        put?: never;
        /** Make a token; its text is shown once */
        post: operations["create-token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a token */
        get: operations["get-token"];
        put?: never;
        post?: never;
        /** Delete a token; its live tasks go on */
        delete: operations["delete-token"];
        options?: never;
        head?: never;
        /** Change a token */
        patch: operations["update-token"];
        trace?: never;
    };
    "/api/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List users, newest first */
        get: operations["list-users"];
        put?: never;
        /** Make a user */
        post: operations["create-user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a user with balance and counts */
        get: operations["get-user"];
        put?: never;
        post?: never;
        /** Delete a user without live tasks */
        delete: operations["delete-user"];
        options?: never;
        head?: never;
        /** Change a user */
        patch: operations["update-user"];
        trace?: never;
    };
    "/api/users/{id}/balance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Change a user's balance */
        post: operations["change-balance"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users/{id}/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a one-time link that sets a new password */
        post: operations["create-reset-link"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/users/{id}/totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove the second factor of a user who lost it */
        delete: operations["delete-user-totp"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Compare the books with the rows
         * @description Adds up the journal, as one-api verify does, and changes nothing. It reads everything: one at a time on a node.
         */
        post: operations["verify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List webhooks */
        get: operations["list-webhooks"];
        put?: never;
        /** Have an address told of the end of all my tasks */
        post: operations["create-webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what was sent and is to be sent, newest event first */
        get: operations["list-deliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/deliveries/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a delivery */
        get: operations["get-delivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/deliveries/{id}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send an event again, also one that has arrived; its id stays */
        post: operations["redeliver"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a webhook */
        get: operations["get-webhook"];
        put?: never;
        post?: never;
        /** Delete a webhook; what waits for it is not sent */
        delete: operations["delete-webhook"];
        options?: never;
        head?: never;
        /** Change a webhook, or switch it on or off */
        patch: operations["update-webhook"];
        trace?: never;
    };
    "/api/webhooks/{id}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send again what a webhook has finally not taken */
        post: operations["redeliver-failed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give a webhook a new signing secret; the old one signs too for 24 h */
        post: operations["rotate-webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Show a webhook's signing secrets to its owner */
        post: operations["show-webhook-secret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send a signed webhook.test event now */
        post: operations["test-webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        About: {
            /** @description For administrators. */
            details?: components["schemas"]["AboutDetails"];
            /** @description From the settings. */
            notice?: string;
            /**
             * Format: date-time
             * @description The gateway's clock.
             */
            now: string;
            /**
             * Format: int64
             * @description Quota of 1 USD.
             */
            quota_per_unit: number;
            /** @description No orders are taken until it is known what happened since the backup. */
            recovering: boolean;
            /**
             * Format: date-time
             * @description Of the node that answers.
             */
            started_at: string;
            version: string;
        };
        AboutDatabase: {
            /**
             * Format: int64
             * @description Of SQLite: what is free beside it.
             */
            free_bytes?: number;
            /** @enum {string} */
            kind: "sqlite" | "mysql" | "postgres";
            /**
             * Format: int64
             * @description Of SQLite.
             */
            size_bytes?: number;
            version: string;
        };
        AboutDetails: {
            /**
             * Format: double
             * @description By how much the database's clock is ahead of this node's.
             */
            clock_offset_seconds: number;
            database: components["schemas"]["AboutDatabase"];
            go_version: string;
            /** Format: int64 */
            max_body_mb: number;
            /**
             * Format: int64
             * @description Up now, this one among them.
             */
            nodes: number;
            /** @description The provider to sign in with. */
            oidc?: string;
            /**
             * @description away: it is configured and does not answer; nothing but speed is lost.
             * @enum {string}
             */
            redis: "none" | "connected" | "away";
            /** @description SERVER_ADDRESS. Without it upstreams cannot call back and are only asked. */
            server_address?: string;
            /** @description It is not an address of this machine or of a private network. */
            server_address_public: boolean;
            /** @example linux/amd64 */
            system: string;
        };
        AddPasskeyBody: {
            ceremony: string;
            /** @description What navigator.credentials.create gave, toJSON(). */
            credential: unknown;
            /** @example laptop */
            name: string;
        };
        Amount: {
            /**
             * Format: int64
             * @description 500000 are 1 USD.
             */
            quota: number;
            /** @example 0.60 */
            usd: string;
        };
        AskQuoteBody: {
            aspect_ratio?: string;
            /** @description The order as a create would take it. With route, or with type. */
            body?: unknown;
            /**
             * Format: int64
             * @description Seconds; the model's default when left out.
             */
            duration?: number;
            mode?: string;
            /** @example kling-v1-6-pro */
            model?: string;
            /**
             * @description Where the order would be sent, below /kling. With body.
             * @example /v1/videos/text2video
             */
            route?: string;
            sound?: boolean;
            /** @example text2video */
            type?: string;
            video_input?: boolean;
            voice?: boolean;
        };
        AuditEntry: {
            /** @example channel.update */
            action: string;
            /**
             * @description user:<id>, cli or gateway.
             * @example user:7
             */
            actor: string;
            /** @description The user's name now. */
            actor_name?: string;
            /** @description Where the request came from. */
            address?: string;
            /** Format: date-time */
            at: string;
            /** @description What changed, usually before and after; without secrets. */
            detail?: unknown;
            /** Format: int64 */
            id: number;
            request_id?: string;
            /** @example channel:3 */
            target: string;
        };
        BalanceChange: {
            /** @description After the change. */
            balance: components["schemas"]["Funds"];
            change: components["schemas"]["Amount"];
            /** Format: int64 */
            user_id: number;
        };
        BeginTOTPBody: {
            /** @description Needed when there is one. */
            password?: string;
        };
        BilledAmount: {
            /** @example 2.4 */
            amount: string;
            /** @example video_unit */
            unit: string;
            usd?: string;
        };
        CallError: {
            advice?: string;
            /** Format: date-time */
            at: string;
            /**
             * Format: int64
             * @description The upstream's own number.
             */
            code?: number;
            /** Format: int64 */
            http_status?: number;
            /** @example no_credit */
            kind: string;
            message: string;
            task_id?: string;
        };
        Capability: {
            aspect_ratios: string[] | null;
            camera_control: boolean;
            cfg_scale: boolean;
            default_aspect_ratio?: string;
            /** Format: int64 */
            default_duration: number;
            durations: number[] | null;
            last_frame: boolean;
            /** Format: int64 */
            max_elements: number;
            /** Format: int64 */
            max_images: number;
            /** Format: int64 */
            max_prompt: number;
            /** Format: int64 */
            max_videos: number;
            /** Format: int64 */
            min_images: number;
            mode: string;
            model_name: string;
            motion_brush: boolean;
            multi_shot: boolean;
            negative_prompt: boolean;
            resolution: string;
            route: string;
            sound: string;
            type: string;
            /** Format: int64 */
            voices: number;
            watermark: boolean;
        };
        Ceremony: {
            /** @description Send it back with the credential; it works once, for five minutes. */
            ceremony: string;
            /** @description For PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON: the member publicKey. */
            options: unknown;
        };
        ChangeBalanceBody: {
            /**
             * Format: int64
             * @description Quota; below zero takes. Give either this or usd.
             */
            amount?: number;
            /**
             * @description topup: the user paid; grant: a present; adjust: a correction, which may take.
             * @enum {string}
             */
            kind: "topup" | "grant" | "adjust";
            /** @description Stands in the ledger and in the audit. */
            reason: string;
            /**
             * @description Makes repeating harmless: a reference counts once for each kind.
             * @example payment 4711
             */
            reference?: string;
            /**
             * @description US dollars; a leading minus takes.
             * @example 12.50
             */
            usd?: string;
        };
        ChangePasswordBody: {
            /** @description Needed when there is one. */
            old_password?: string;
            /** @description 10 to 256 characters, not the name. */
            password: string;
        };
        Channel: {
            /** @description What to do about the reason. */
            advice?: string;
            base_url: string;
            /**
             * @description Open after accidents in a row: no order is sent; half-open: one is tried, after half a minute at first.
             * @enum {string}
             */
            circuit: "closed" | "half-open" | "open";
            /**
             * Format: date-time
             * @description Absent for a row that was written by hand without it.
             */
            created_at?: string;
            /** @description Groups of users who may use it. */
            groups: string[];
            /** Format: int64 */
            id: number;
            keys: components["schemas"]["ChannelKey"][];
            /**
             * Format: int64
             * @description Tasks on it that have not ended.
             */
            live_tasks: number;
            /**
             * Format: int64
             * @description Most live tasks per upstream model; 0: no limit.
             */
            max_live: number;
            /** @description Names, base names (all modes), or patterns ending in *. */
            models: string[];
            name: string;
            /** @description Resource packs of its account, as the upstream told last; in lists, which have them asked for every ten minutes at most. */
            packs?: components["schemas"]["Packs"];
            /**
             * Format: int64
             * @description Higher ones are tried first.
             */
            priority: number;
            /** @example kling */
            provider: string;
            /** @description Why it is broken. */
            reason?: string;
            /** Format: date-time */
            reason_at?: string;
            /** @description Its create calls among the gateway's latest 2000, of the last 24 hours. */
            recent: components["schemas"]["RecentCalls"];
            /** @enum {string} */
            status: "enabled" | "disabled" | "broken" | "draining";
            test_result?: string;
            /** Format: date-time */
            tested_at?: string;
            /**
             * Format: int64
             * @description Kind of upstream; 41 is Kling. See GET /api/channels/types.
             */
            type: number;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
            /**
             * Format: int64
             * @description How many secrets verify the upstream's own callback signatures.
             */
            webhook_secrets: number;
            /**
             * Format: int64
             * @description Share among channels of one priority.
             */
            weight: number;
        };
        ChannelAnswer: {
            /** @description What to do about the reason. */
            advice?: string;
            base_url: string;
            /**
             * @description Open after accidents in a row: no order is sent; half-open: one is tried, after half a minute at first.
             * @enum {string}
             */
            circuit: "closed" | "half-open" | "open";
            /**
             * Format: date-time
             * @description Absent for a row that was written by hand without it.
             */
            created_at?: string;
            /** @description Groups of users who may use it. */
            groups: string[];
            /** Format: int64 */
            id: number;
            keys: components["schemas"]["ChannelKey"][];
            /**
             * Format: int64
             * @description Tasks on it that have not ended.
             */
            live_tasks: number;
            /**
             * Format: int64
             * @description Most live tasks per upstream model; 0: no limit.
             */
            max_live: number;
            /** @description Names, base names (all modes), or patterns ending in *. */
            models: string[];
            name: string;
            /** @description Resource packs of its account, as the upstream told last; in lists, which have them asked for every ten minutes at most. */
            packs?: components["schemas"]["Packs"];
            /**
             * Format: int64
             * @description Higher ones are tried first.
             */
            priority: number;
            /** @example kling */
            provider: string;
            /** @description Why it is broken. */
            reason?: string;
            /** Format: date-time */
            reason_at?: string;
            /** @description Its create calls among the gateway's latest 2000, of the last 24 hours. */
            recent: components["schemas"]["RecentCalls"];
            /** @enum {string} */
            status: "enabled" | "disabled" | "broken" | "draining";
            test_result?: string;
            /** Format: date-time */
            tested_at?: string;
            /**
             * Format: int64
             * @description Kind of upstream; 41 is Kling. See GET /api/channels/types.
             */
            type: number;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
            /** @description What was accepted and may be a mistake. */
            warnings: string[];
            /**
             * Format: int64
             * @description How many secrets verify the upstream's own callback signatures.
             */
            webhook_secrets: number;
            /**
             * Format: int64
             * @description Share among channels of one priority.
             */
            weight: number;
        };
        ChannelDefaults: {
            base_url: string;
            groups: string[] | null;
            models: string[] | null;
            /** Format: int64 */
            weight: number;
        };
        ChannelHealth: {
            /** @description What to do about the reason. */
            advice?: string;
            /** @enum {string} */
            circuit: "closed" | "half-open" | "open";
            /** Format: int64 */
            id: number;
            /** Format: int64 */
            live_tasks: number;
            /**
             * Format: int64
             * @description Most live tasks per upstream model; 0: no limit.
             */
            max_live: number;
            name: string;
            /** @description Why it is broken. */
            reason?: string;
            recent: components["schemas"]["RecentCalls"];
            /** @enum {string} */
            status: "enabled" | "disabled" | "broken" | "draining";
        };
        ChannelHost: {
            /** @example accounts of the China site */
            for: string;
            url: string;
        };
        ChannelKey: {
            /** @description Names the key in tasks and in remove_keys. */
            id: string;
            /** @enum {string} */
            kind: "api_key" | "ak_sk" | "unknown";
            problem?: string;
        };
        ChannelTest: {
            /** @description The channel after the test: a broken one whose keys all work is back in service. */
            channel: components["schemas"]["ChannelAnswer"];
            keys: components["schemas"]["KeyTest"][];
            /** @description Every key works. */
            ok: boolean;
            /** @description In one sentence. */
            result: string;
            /** Format: int64 */
            took_ms: number;
        };
        ChannelType: {
            base_urls: components["schemas"]["ChannelHost"][] | null;
            defaults: components["schemas"]["ChannelDefaults"];
            key_kinds: components["schemas"]["KeyKind"][] | null;
            /** @description Names that callers use. */
            models: string[] | null;
            /** @example kling */
            provider: string;
            /** @example Kling AI */
            title: string;
            /**
             * Format: int64
             * @example 41
             */
            type: number;
        };
        ConfirmTOTPBody: {
            /** @description What the app shows now. */
            code: string;
        };
        Cost: {
            amount: string;
            unit: string;
        };
        CreateChannelBody: {
            /** @example https://api-singapore.klingai.com */
            base_url: string;
            /** @description Default: true. */
            enabled?: boolean;
            /** @description Default: the default group. */
            groups?: string[] | null;
            /** @description One key a line: an API key, or AccessKey|SecretKey. Never shown again. */
            keys: string;
            /** Format: int64 */
            max_live?: number;
            /** @description Default: every model of the type. */
            models?: string[] | null;
            name: string;
            /** Format: int64 */
            priority?: number;
            /**
             * Format: int64
             * @default 41
             */
            type: number;
            /** @description The upstream's signing secrets, one a line. Never shown again. */
            webhook_secret?: string;
            /**
             * Format: int64
             * @default 1
             */
            weight: number;
        };
        CreateGroupBody: {
            name: string;
            /**
             * @default 1
             * @example 0.8
             */
            ratio: string;
            title?: string;
        };
        CreateInvitationBody: {
            /**
             * Format: date-time
             * @description Absent: never.
             */
            expires_at?: string;
            /**
             * Format: int64
             * @description Opening balance of who comes with it, in quota.
             */
            grant?: number;
            group?: string;
            note?: string;
            /**
             * Format: int64
             * @default 1
             */
            uses: number;
        };
        CreatePersonalTokenBody: {
            /**
             * Format: date-time
             * @description Absent: never.
             */
            expires_at?: string;
            name: string;
        };
        CreateRedemptionsBody: {
            /**
             * Format: int64
             * @default 1
             */
            count: number;
            /** Format: date-time */
            expires_at?: string;
            /** @description Of the batch. */
            name: string;
            /**
             * Format: int64
             * @description Worth of each code; 500000 are 1 USD.
             */
            quota: number;
        };
        CreateTokenBody: {
            /**
             * Format: int64
             * @description Most quota it may spend over its life; absent: no limit of its own.
             */
            budget?: number;
            /** Format: date-time */
            expires_at?: string;
            models?: string[] | null;
            name: string;
            /**
             * @example [
             *       "203.0.113.0/24"
             *     ]
             */
            networks?: string[] | null;
            /** Format: int64 */
            rate?: number;
            /** @description A token of test mode: orders cost play money and go to a simulated upstream. */
            test?: boolean;
            /**
             * Format: int64
             * @description For this user; administrators only. Default: oneself.
             */
            user_id?: number;
        };
        CreateUserBody: {
            display_name?: string;
            email?: string;
            group?: string;
            name: string;
            /** @description 10 to 256 characters, not the name. Absent: the user sets one by a reset link. */
            password?: string;
            /**
             * Format: int64
             * @description Requests a minute, of all tokens together; 0: no limit.
             */
            rate?: number;
            /**
             * @description Only root makes administrators.
             * @default user
             * @enum {string}
             */
            role: "root" | "admin" | "user";
        };
        CreateWebhookBody: {
            description?: string;
            /** @description task.succeed, task.failed; absent or empty: all. */
            events?: string[] | null;
            /**
             * @description https, or http. Public, on port 443, 80 or 8443, unless the operator allows more.
             * @example https://example.com/hooks/video
             */
            url: string;
        };
        CreatedToken: {
            /** @description Names the token in JWTs that Kling's own clients sign. */
            access_key: string;
            budget: components["schemas"]["TokenBudget"];
            /** Format: date-time */
            created_at: string;
            expired: boolean;
            /**
             * Format: date-time
             * @description Absent: never.
             */
            expires_at?: string;
            /** Format: int64 */
            id: number;
            /**
             * Format: date-time
             * @description To the minute.
             */
            last_used_at?: string;
            /** @description Allowed models, base names or patterns; empty: all. */
            models: string[];
            name: string;
            /** @description Allowed addresses and prefixes; empty: all. */
            networks: string[];
            /**
             * @description First characters of the text, to recognise it by.
             * @example sk-Ab3d
             */
            prefix: string;
            /**
             * Format: int64
             * @description Requests a minute; 0: the gateway's default.
             */
            rate: number;
            /** @description With access_key, for clients that sign as Kling's do. */
            secret_key: string;
            snippets: components["schemas"]["TokenSnippets"];
            /** @enum {string} */
            status: "enabled" | "disabled";
            /** @description Test mode: play money, a simulated upstream. */
            test: boolean;
            /** @description Send it as Authorization: Bearer … */
            token: string;
            /** @description Name of the user. */
            user: string;
            /** Format: int64 */
            user_id: number;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
            /** @description What was accepted and may be a mistake. */
            warnings: string[];
        };
        DisableTOTPBody: {
            /** @description Needed when there is no password. */
            code?: string;
            /** @description Needed when there is one. */
            password?: string;
        };
        Factor: {
            by: string;
            values: {
                [key: string]: string;
            };
        };
        FieldError: {
            /** @description Path of the field: body.name, query.limit. */
            location: string;
            message: string;
        };
        Figure: {
            /**
             * Format: int64
             * @description 500000 are 1 USD.
             */
            quota: number;
            rule: string;
            /** @example 0.60 */
            usd: string;
        };
        Funds: {
            /** Format: int64 */
            available: number;
            /** Format: int64 */
            held: number;
        };
        Group: {
            /** @example default */
            name: string;
            /**
             * @description Factor on every price, an exact decimal.
             * @example 0.8
             */
            ratio: string;
            title: string;
            /** Format: int64 */
            users: number;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
        };
        Invitation: {
            /** @description Only in the answer that makes it. */
            code?: string;
            /** Format: date-time */
            created_at: string;
            /** Format: int64 */
            created_by: number;
            /** Format: date-time */
            expires_at?: string;
            /**
             * Format: int64
             * @description Opening balance of who comes with it, in quota.
             */
            grant: number;
            /** @description Group of who comes with it. */
            group: string;
            /** Format: int64 */
            id: number;
            /** @description The same as a page of the console. */
            link?: string;
            note: string;
            prefix: string;
            /** @enum {string} */
            state: "open" | "used" | "expired" | "revoked";
            /** Format: int64 */
            used: number;
            /**
             * Format: int64
             * @description How often it may be used.
             */
            uses: number;
        };
        KeyKind: {
            /** @example AccessKey|SecretKey */
            form: string;
            /** @example ak_sk */
            kind: string;
            note: string;
        };
        KeyTest: {
            advice?: string;
            /** Format: int64 */
            code?: number;
            error?: string;
            /** Format: int64 */
            http_status?: number;
            id: string;
            kind: string;
            ok: boolean;
            /** @description What was tried and what came back. */
            said: string;
            /** Format: int64 */
            took_ms: number;
        };
        LedgerEntry: {
            /** @description Who did it; operator when an administrator did. */
            actor?: string;
            /** Format: date-time */
            at: string;
            /**
             * Format: int64
             * @description Change of the spendable balance.
             */
            available: number;
            /**
             * Format: int64
             * @description Change of what is held for live tasks.
             */
            held: number;
            id: string;
            /** @enum {string} */
            kind: "hold" | "capture" | "release" | "topup" | "grant" | "redeem" | "adjust" | "loss";
            /** @description Why, when a person did it. */
            memo?: string;
            postings: components["schemas"]["Posting"][];
            reference?: string;
            task_id?: string;
            /** @description In the play ledger of test mode. */
            test?: boolean;
            /** Format: int64 */
            token_id?: number;
            /** @description The user's name; for administrators. */
            user?: string;
            /** Format: int64 */
            user_id: number;
        };
        LinkedAccount: {
            /** Format: date-time */
            created_at: string;
            /** Format: int64 */
            id: number;
            issuer: string;
            /** @description What it is called there. */
            label: string;
            /** Format: date-time */
            last_used_at?: string;
        };
        ListedUser: {
            /**
             * Format: int64
             * @description Quota that can be spent; 500000 are 1 USD.
             */
            available: number;
            /** Format: date-time */
            created_at: string;
            display_name: string;
            email: string;
            group: string;
            has_password: boolean;
            /**
             * Format: int64
             * @description Quota set aside for live tasks.
             */
            held: number;
            /** Format: int64 */
            id: number;
            /** @description To sign in with. */
            name: string;
            /**
             * Format: int64
             * @description Requests a minute, of all tokens together; 0: no limit.
             */
            rate: number;
            /** @enum {string} */
            role: "root" | "admin" | "user";
            /** @enum {string} */
            status: "enabled" | "disabled";
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
        };
        LiveTasks: {
            /** Format: int64 */
            held: number;
            status: string;
            /** Format: int64 */
            tasks: number;
        };
        Match: {
            aspect_ratios?: string[] | null;
            /** Format: int64 */
            max_seconds?: number;
            /** Format: int64 */
            min_seconds?: number;
            models?: string[] | null;
            modes?: string[] | null;
            provider?: string;
            resolutions?: string[] | null;
            sound?: boolean;
            types?: string[] | null;
            video_input?: boolean;
            voice?: boolean;
        };
        Me: {
            /**
             * Format: int64
             * @description Quota that can be spent; 500000 are 1 USD.
             */
            available: number;
            display_name: string;
            email: string;
            group: string;
            has_password: boolean;
            /**
             * Format: int64
             * @description Quota set aside for live tasks.
             */
            held: number;
            /** Format: int64 */
            id: number;
            /** @description To sign in with. */
            name: string;
            /** @description What the operator tells everybody, as the settings have it. */
            notice?: string;
            /** Format: int64 */
            passkeys: number;
            /** @enum {string} */
            role: "root" | "admin" | "user";
            /** @description Sign-in with a password asks for a second factor. */
            totp: boolean;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
        };
        Mismatch: {
            detail: string;
            id: string;
            /** @example account */
            kind: string;
        };
        Model: {
            /** @description What it does for each product, as in GET /v1/models. */
            capabilities: components["schemas"]["Capability"][];
            /** @example kling-v1-6-pro */
            id: string;
            /** @description A channel of the viewer's group takes orders for it now. */
            offered: boolean;
            provider: string;
        };
        ModelTotal: {
            /** @description By the upstream, each in its unit. */
            billed: components["schemas"]["Cost"][];
            /**
             * Format: int64
             * @description By us, quota.
             */
            charged: number;
            /**
             * Format: int64
             * @description Of the upstream.
             */
            charges: number;
            /**
             * Format: int64
             * @description Value of billed in quota, as far as it is known.
             */
            cost: number;
            cost_known: boolean;
            /**
             * Format: int64
             * @description charged less cost.
             */
            margin: number;
            /** @description Ours, or the upstream's word in brackets for what is not ours. */
            model: string;
            /**
             * Format: int64
             * @description Of ours, charged.
             */
            tasks: number;
        };
        Models: {
            /** @description The viewer's. */
            group: string;
            items: components["schemas"]["Model"][];
        };
        Node: {
            /** @description Where it listens. */
            address: string;
            /**
             * Format: double
             * @description By how much the database's clock is ahead of the node's. Above 60 either way the node is not ready.
             */
            clock_offset_seconds: number;
            /**
             * Format: double
             * @description How long before seen_at it last looked for changed tokens, users, channels, prices and settings.
             */
            directory_age_seconds: number;
            /** @description Of this run; a restart makes a new one. */
            id: string;
            /** Format: date-time */
            seen_at: string;
            /** Format: date-time */
            started_at: string;
            /**
             * @description silent: not seen for half a minute. It may have been killed; others have its work.
             * @enum {string}
             */
            status: "up" | "stopping" | "silent";
            version: string;
        };
        OrderFacts: {
            /** @example 16:9 */
            aspect_ratio?: string;
            /**
             * Format: int64
             * @description Seconds; the model's default when left out.
             */
            duration?: number;
            /** @example pro */
            mode?: string;
            /**
             * @description Name of a model; with mode, its base name will do.
             * @example kling-v1-6-pro
             */
            model: string;
            sound?: boolean;
            /** @example text2video */
            type: string;
            /** @description A video is among the inputs. */
            video_input?: boolean;
            /** @description A chosen voice is used. */
            voice?: boolean;
        };
        Orphan: {
            /** Format: int64 */
            channel_id: number;
            costs: components["schemas"]["Cost"][];
            /** Format: date-time */
            created_at?: string;
            /** Format: date-time */
            found_at: string;
            note?: string;
            /** @description Our external id there. */
            ref: string;
            status: string;
            upstream_task_id: string;
        };
        OtherAmount: {
            billed: components["schemas"]["Cost"][];
            model: string;
            /** @description From the task's own answer. */
            stored: components["schemas"]["Cost"][];
            task_id: string;
            upstream_task_id: string;
        };
        Pack: {
            /** Format: date-time */
            ends_at?: string;
            id: string;
            name: string;
            /** @description In the pack's own unit. */
            remaining: string;
            /** Format: date-time */
            starts_at?: string;
            /**
             * @description The upstream's word.
             * @example online
             */
            status: string;
            /** @example 1000 */
            total: string;
        };
        Packs: {
            items: components["schemas"]["Pack"][];
            /**
             * Format: date-time
             * @description The upstream is asked once a minute at most, and its figures are up to 12 hours behind.
             */
            read_at: string;
        };
        PageAuditEntry: {
            items: components["schemas"]["AuditEntry"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageChannel: {
            items: components["schemas"]["Channel"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageChannelType: {
            items: components["schemas"]["ChannelType"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageGroup: {
            items: components["schemas"]["Group"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageInvitation: {
            items: components["schemas"]["Invitation"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageLedgerEntry: {
            items: components["schemas"]["LedgerEntry"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageLinkedAccount: {
            items: components["schemas"]["LinkedAccount"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageListedUser: {
            items: components["schemas"]["ListedUser"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageNode: {
            items: components["schemas"]["Node"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PagePasskey: {
            items: components["schemas"]["Passkey"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PagePersonalToken: {
            items: components["schemas"]["PersonalToken"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PagePriceVersion: {
            items: components["schemas"]["PriceVersion"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageRedemption: {
            items: components["schemas"]["Redemption"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageSession: {
            items: components["schemas"]["Session"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageStatement: {
            items: components["schemas"]["Statement"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageTask: {
            items: components["schemas"]["Task"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageToken: {
            items: components["schemas"]["Token"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageWebhook: {
            items: components["schemas"]["Webhook"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        PageWebhookDelivery: {
            items: components["schemas"]["WebhookDelivery"][];
            /** @description Absent on the last page. */
            next_cursor?: string;
        };
        Passkey: {
            /** Format: date-time */
            created_at: string;
            /** Format: int64 */
            id: number;
            /** Format: date-time */
            last_used_at?: string;
            name: string;
            /** @description The domain it works on. */
            site: string;
        };
        PersonalToken: {
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            expires_at?: string;
            /** Format: int64 */
            id: number;
            /**
             * Format: date-time
             * @description To the minute.
             */
            last_used_at?: string;
            name: string;
            prefix: string;
            /** @description Only in the answer that makes it. */
            token?: string;
        };
        PlaceTaskBody: {
            /** @description The order as a create takes it. */
            body: unknown;
            /**
             * @description Where the order would be sent, below /kling. This, or type.
             * @example /v1/videos/text2video
             */
            route?: string;
            /** @description Test mode: play money and a simulated upstream. A token of test mode implies it. */
            test?: boolean;
            /**
             * Format: int64
             * @description One of your own tokens, whose budget, models, expiry and rate apply; its list of addresses is for its callers. Without it the order is charged to your balance alone.
             */
            token_id?: number;
            /** @example text2video */
            type?: string;
        };
        PlacedTask: {
            aspect_ratio?: string;
            /** Format: int64 */
            charged: number;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: int64
             * @description Seconds, as ordered.
             */
            duration: number;
            /** @description The caller's own. */
            external_task_id?: string;
            fail_code?: string;
            fail_reason?: string;
            /** Format: date-time */
            finished_at?: string;
            id: string;
            mode?: string;
            model: string;
            price: components["schemas"]["Amount"];
            /** @description Shortened in lists. */
            prompt: string;
            /** @description While it is pending. */
            queue?: components["schemas"]["QueuePlace"];
            /**
             * Format: int64
             * @description The price, held while the task lives.
             */
            quota: number;
            /** @description The Idempotency-Key had been used: this is the first task as it is now. */
            replayed?: boolean;
            result_url?: string;
            /** @enum {string} */
            status: "pending" | "submitted" | "processing" | "succeed" | "failed";
            /** Format: date-time */
            submitted_at?: string;
            tags?: {
                [key: string]: string;
            };
            /** @description Of test mode: no money, no upstream. */
            test?: boolean;
            /** Format: int64 */
            token_id?: number;
            type: string;
            /** @description For administrators. */
            upstream?: components["schemas"]["TaskUpstream"];
            /** @description The user's name. */
            user?: string;
            /** Format: int64 */
            user_id: number;
        };
        Posting: {
            /** Format: int64 */
            amount: number;
            /** @example user 7 available */
            from: string;
            /** @example user 7 held */
            to: string;
        };
        PreviewPricesBody: {
            /** @description Price with this group's ratio. */
            group?: string;
            /** @description Orders to price besides the usual samples. */
            orders?: components["schemas"]["OrderFacts"][] | null;
            /** @description Ids of rules to remove. */
            remove?: string[] | null;
            /** @description The whole new catalogue, both books. Leave it out to edit single rules. */
            rules?: components["schemas"]["Rule"][] | null;
            /** @description Rules to add or, by id, to replace. */
            set?: components["schemas"]["Rule"][] | null;
        };
        PreviewedOrder: {
            /** @description Of the price; absent when one of them has none. */
            difference?: components["schemas"]["Amount"];
            now: components["schemas"]["PricedOrder"];
            order: components["schemas"]["OrderFacts"];
            then: components["schemas"]["PricedOrder"];
        };
        PricePreview: {
            changes: components["schemas"]["RuleChange"][];
            orders: components["schemas"]["PreviewedOrder"][];
            /**
             * Format: int64
             * @description The version in force, that the edit was compared with.
             */
            version: number;
            /** @description Of the prices as edited. */
            warnings: components["schemas"]["PriceWarning"][];
        };
        PriceVersion: {
            /** @example user:1 */
            actor: string;
            /** Format: date-time */
            created_at: string;
            note: string;
            /** Format: int64 */
            version: number;
        };
        PriceWarning: {
            /**
             * @description below_cost: orders are sold for less than the upstream bills; no_price: orders are refused.
             * @enum {string}
             */
            code: "below_cost" | "no_price";
            message: string;
            model: string;
            type: string;
        };
        PricedOrder: {
            /** @description What the upstream is expected to bill; absent when not known. */
            cost?: components["schemas"]["Figure"];
            /** @description Price less cost. */
            margin?: components["schemas"]["Amount"];
            order: components["schemas"]["OrderFacts"];
            /** @description What a user pays; absent when orders like this are refused. */
            price?: components["schemas"]["Figure"];
            /** @description Why there is no price. */
            problem?: string;
        };
        Prices: {
            /** @example user:1 */
            actor: string;
            /** Format: date-time */
            created_at: string;
            /** @description Whose ratio the samples are priced with. */
            group?: string;
            note: string;
            /** @description The group's ratio; it applies last. */
            ratio: string;
            rules: components["schemas"]["Rule"][];
            /** @description One order for each model and product, as Kling defaults it, with and without sound. */
            samples: components["schemas"]["PricedOrder"][];
            /** Format: int64 */
            version: number;
            warnings: components["schemas"]["PriceWarning"][];
        };
        Problem: {
            /** @description Stable word for programs. */
            code: string;
            /** @description What happened, to what, and what to do. */
            detail: string;
            errors?: components["schemas"]["FieldError"][] | null;
            /** @description Leads the operator to the log line. */
            request_id?: string;
            /** Format: int64 */
            status: number;
            /** @description The task that the upstream refused. */
            task_id?: string;
            /** @description The HTTP status in words. */
            title: string;
            type: string;
        };
        PublicPrice: {
            order: components["schemas"]["OrderFacts"];
            price: components["schemas"]["Amount"];
        };
        PublicPrices: {
            samples: components["schemas"]["PublicPrice"][];
            /** Format: int64 */
            version: number;
        };
        PutPricesBody: {
            /** @description Why, for those who read the history. */
            note?: string;
            /** @description Ids of rules to remove. */
            remove?: string[] | null;
            /** @description The whole new catalogue, both books. Leave it out to edit single rules. */
            rules?: components["schemas"]["Rule"][] | null;
            /** @description Rules to add or, by id, to replace. */
            set?: components["schemas"]["Rule"][] | null;
            /**
             * Format: int64
             * @description The version that was edited.
             */
            version: number;
        };
        QueuePlace: {
            /**
             * Format: int64
             * @description Until it is sent; left out when nobody can tell.
             */
            estimated_seconds?: number;
            /**
             * Format: int64
             * @description From 1.
             */
            position: number;
            /**
             * Format: date-time
             * @description It ends without charge if it has not been sent by then.
             */
            send_before: string;
        };
        Quote: {
            /** @description How the price comes about, a step a line. */
            explanation: string[];
            group: string;
            group_ratio: string;
            order: components["schemas"]["OrderFacts"];
            /**
             * Format: int64
             * @description 500000 are 1 USD.
             */
            quota: number;
            /** @description Create path of the order, below /kling. */
            route: string;
            rule: string;
            /** @example 0.60 */
            usd: string;
            /**
             * Format: int64
             * @description Of the prices.
             */
            version: number;
        };
        RecentCalls: {
            /** Format: int64 */
            accepted: number;
            /** Format: int64 */
            calls: number;
            /** Format: int64 */
            failed: number;
            last_error?: components["schemas"]["CallError"];
            /**
             * Format: int64
             * @description Refused for the order's own sake; counts neither for nor against the channel.
             */
            rejected: number;
            /**
             * Format: double
             * @description Accepted of accepted and failed, 0 to 1; absent without calls.
             */
            success_rate?: number;
        };
        Reconciliation: {
            agree: boolean;
            /** @description Billed differently from what the task's own answer said. */
            amounts: components["schemas"]["OtherAmount"][];
            /** Format: int64 */
            channel_id: number;
            /**
             * Format: int64
             * @description Upstream tasks billed within the window.
             */
            charges: number;
            /** Format: int64 */
            differences: number;
            /**
             * Format: int64
             * @description Billed to the same account for tasks of other channels that lend it; compared there.
             */
            elsewhere: number;
            /** Format: date-time */
            from: string;
            note: string;
            /**
             * Format: int64
             * @description Of ours, charged within the window.
             */
            tasks: number;
            /** Format: date-time */
            to: string;
            totals: components["schemas"]["ModelTotal"][];
            /** @description Charged by us and not billed. One that is recent is no difference: deductions are listed up to 12 hours late. */
            unbilled: components["schemas"]["Unbilled"][];
            /** @description Billed for a task of ours that nobody paid for. One whose loss is booked is no difference. */
            uncharged: components["schemas"]["Uncharged"][];
            /** @description Billed without a task of ours: somebody else uses the account, or tasks were lost. */
            upstream_only: components["schemas"]["UpstreamCharge"][];
        };
        Recovery: {
            /** @description While it is, orders get 503 recovering and nothing is sent. */
            active: boolean;
            /**
             * Format: date-time
             * @description The last moment that the backup knew of.
             */
            backup_at?: string;
            channels: components["schemas"]["RecoveryChannel"][];
            /** @description Nothing is left to be found out. */
            done: boolean;
            /**
             * Format: int64
             * @description Of these, without an answer so far.
             */
            open: number;
            /** @description Upstream tasks with an id of ours and no task here: what they cost is the operator's loss. */
            orphans: components["schemas"]["Orphan"][];
            reason?: string;
            /** Format: date-time */
            started_at?: string;
            /**
             * Format: int64
             * @description Of the backup, live then.
             */
            tasks: number;
        };
        RecoveryChannel: {
            /** Format: int64 */
            channel_id: number;
            name: string;
            problem?: string;
            /** @description Completely, since recovery began. */
            read: boolean;
            /**
             * Format: int64
             * @description Seen there.
             */
            tasks: number;
            /** Format: date-time */
            tried_at?: string;
        };
        RedeemBody: {
            code: string;
        };
        Redeemed: {
            balance: components["schemas"]["Funds"];
            credited: components["schemas"]["Amount"];
            /** @description Of the batch. */
            name: string;
        };
        RedeliverFailedBody: {
            /**
             * Format: date-time
             * @description Events from this moment on.
             */
            since: string;
        };
        Redelivered: {
            /** Format: int64 */
            deliveries: number;
            /** @description There are more than one call takes. Repeat it. */
            more: boolean;
        };
        Redemption: {
            /** @description Only in the answer that makes it. */
            code?: string;
            /** Format: date-time */
            created_at: string;
            created_by: string;
            /** Format: date-time */
            expires_at?: string;
            /** Format: int64 */
            id: number;
            /** @description Of the batch. */
            name: string;
            /** @description First characters of the code, to recognise it by. */
            prefix: string;
            /** @enum {string} */
            status: "open" | "disabled" | "used" | "expired";
            /** Format: date-time */
            used_at?: string;
            /**
             * Format: int64
             * @description Id of the user who redeemed it.
             */
            used_by?: number;
            used_by_name?: string;
            worth: components["schemas"]["Amount"];
        };
        Redirect: {
            url: string;
        };
        RegisterUserBody: {
            invitation?: string;
            name: string;
            /** @description 10 to 256 characters, not the name. */
            password: string;
        };
        RenamePasskeyBody: {
            name: string;
        };
        ResetLink: {
            /** Format: date-time */
            expires_at: string;
            /** @description The same as a page of the console; absent while SERVER_ADDRESS is not set. */
            link?: string;
            /** @description For POST /api/reset. Shown once. */
            token: string;
        };
        ResetPasswordBody: {
            /** @description 10 to 256 characters, not the name. */
            password: string;
            /** @description From the reset link. */
            token: string;
        };
        RestorePricesBody: {
            note?: string;
            /**
             * Format: int64
             * @description The version in force, as you saw it.
             */
            version: number;
        };
        RotateMySecretBody: {
            /** @description The old secret ends now instead of in 24 h, because it has leaked. */
            at_once?: boolean;
            /**
             * Format: int64
             * @description The one that was read.
             */
            generation: number;
        };
        RotateWebhookBody: {
            /** @description The old secret ends now instead of in 24 h, because it has leaked. */
            at_once?: boolean;
            /**
             * Format: int64
             * @description The version that was read.
             */
            version: number;
        };
        Rule: {
            amount: string;
            book: string;
            factors?: components["schemas"]["Factor"][] | null;
            free?: boolean;
            id: string;
            match: components["schemas"]["Match"];
            per: string;
            /** Format: int64 */
            priority?: number;
            source?: string;
        };
        RuleChange: {
            after?: components["schemas"]["Rule"];
            before?: components["schemas"]["Rule"];
            id: string;
        };
        Session: {
            address: string;
            /** @description What the browser calls itself. */
            agent: string;
            /** Format: date-time */
            created_at: string;
            /** @description The one that asks. */
            current: boolean;
            /** Format: date-time */
            expires_at: string;
            id: string;
            /**
             * Format: date-time
             * @description To the minute.
             */
            last_seen_at: string;
        };
        SetUpBody: {
            /** @example root */
            name: string;
            /** @description 10 to 256 characters, not the name. */
            password: string;
            /** @description From the link that the gateway printed at its start. */
            token: string;
        };
        Settings: {
            /**
             * Format: int64
             * @description Requests a minute for tokens without a rate of their own; 0: no limit.
             * @default 0
             */
            default_rate: number;
            /**
             * @description Of every node's log, at once; empty: the level that each node was started with.
             * @enum {string}
             */
            log_level: "" | "debug" | "info" | "warn" | "error";
            /** @description Told to everybody who opens the console, in plain text; empty: nothing. */
            notice: string;
            /**
             * @description Accept an order while no channel is free and send it later. Off: the caller gets 429.
             * @default true
             */
            queue_when_busy: boolean;
            /**
             * @description Who may make an account: nobody, anybody, or who has an invitation code.
             * @default closed
             * @enum {string}
             */
            registration: "closed" | "open" | "invite";
            /**
             * @description Send an order once more after proof that the upstream never received it. Off: such an order fails without charge.
             * @default true
             */
            resend_after_absence: boolean;
            /**
             * Format: int64
             * @description Of all settings together. Send it back with an edit.
             */
            version: number;
            /**
             * Format: int64
             * @description Days for which events that have arrived are kept. Others are kept until they arrive.
             * @default 30
             */
            webhook_keep_days: number;
        };
        Setup: {
            needed: boolean;
        };
        SignInBody: {
            name: string;
            password: string;
            /** @description Instead of totp; works once. */
            recovery_code?: string;
            /** @description Code of the second factor, after an answer totp_required. */
            totp?: string;
        };
        SignInByLinkBody: {
            /** @description From the link. */
            ticket: string;
        };
        SignInMethods: {
            /** @description Name of the provider on the button; sign-in begins at GET /api/session/oidc. */
            oidc?: string;
            /** @description False where browsers allow none: without https and a name, other than on localhost. */
            passkeys: boolean;
            password: boolean;
            /** @enum {string} */
            registration: "closed" | "open" | "invite";
        };
        SignInWithPasskeyBody: {
            ceremony: string;
            /** @description What navigator.credentials.get gave, toJSON(). */
            credential: unknown;
        };
        SigningSecret: {
            /** @description whsec_… */
            secret: string;
            /**
             * Format: date-time
             * @description When an old one ends.
             */
            until?: string;
        };
        SigningSecrets: {
            /**
             * Format: int64
             * @description Of the newest. Send it back to rotate.
             */
            generation: number;
            /** @description The newest first. */
            secrets: components["schemas"]["SigningSecret"][];
        };
        Statement: {
            closing: components["schemas"]["Funds"];
            kinds: components["schemas"]["StatementSum"][];
            /** @example 2026-11 */
            month: string;
            opening: components["schemas"]["Funds"];
            /** Format: date-time */
            since: string;
            test?: boolean;
            /** Format: date-time */
            until: string;
            /** Format: int64 */
            user_id: number;
        };
        StatementSum: {
            /** Format: int64 */
            available: number;
            /** Format: int64 */
            entries: number;
            /** Format: int64 */
            held: number;
            kind: string;
        };
        Stats: {
            /** @description For administrators. */
            channels?: components["schemas"]["UsageOf"][] | null;
            /**
             * Format: date-time
             * @description Set while the figures behind this time are still being counted.
             */
            complete_until?: string;
            /** @description For administrators: every channel as it is now, whatever the filters. */
            health?: components["schemas"]["ChannelHealth"][] | null;
            /** @enum {string} */
            interval: "hour" | "day";
            /** @description Now, by status. */
            live: components["schemas"]["LiveTasks"][];
            models: components["schemas"]["UsageOf"][];
            oldest_waiting?: components["schemas"]["Waiting"];
            /** @description Hours or days with tasks. */
            series: components["schemas"]["UsageAt"][];
            /**
             * Format: date-time
             * @description The time asked for, widened to whole hours.
             */
            since: string;
            time_zone: string;
            /** @description Of the tasks that ended in this time. */
            total: components["schemas"]["Usage"];
            /** Format: date-time */
            until: string;
            /** @description For administrators; the 100 with the highest spend. */
            users?: components["schemas"]["UsageOf"][] | null;
        };
        SwitchRecoveryBody: {
            /** @description Of off: though something is left to be found out. Tasks of which nobody knows whether they were sent end without charge. */
            force?: boolean;
            /** @description Of on. */
            reason?: string;
            /** @enum {string} */
            state: "on" | "off";
        };
        SwitchRedemptionBody: {
            /** @enum {string} */
            status: "open" | "disabled";
        };
        TOTPSetup: {
            /** @description Each stands in for a code once. Keep them where the phone is not. */
            recovery_codes: string[] | null;
            /** @description For apps that take it by hand. */
            secret: string;
            /** @description otpauth://…, for a QR code. */
            url: string;
        };
        TagStats: {
            /**
             * Format: date-time
             * @description Set while the figures behind this time are still being counted.
             */
            complete_until?: string;
            /** @description Highest spend first, at most 1000. */
            items: components["schemas"]["TagUsage"][];
            /** @description Of all values that are no items, when there are any: beyond 1000, and beyond the first 100 that a user had in an hour, as ids of jobs may be. For a name of a tag beyond 100 no values are kept. */
            rest?: components["schemas"]["Usage"];
            /**
             * Format: date-time
             * @description The time asked for, widened to whole hours.
             */
            since: string;
            /** Format: date-time */
            until: string;
        };
        TagUsage: {
            /** @description For administrators. */
            cost?: components["schemas"]["UsageCost"];
            /** Format: int64 */
            failed: number;
            /**
             * Format: double
             * @description Half of the successes came within this time; an estimate from classes.
             */
            p50_seconds: number;
            /** Format: double */
            p95_seconds: number;
            /**
             * Format: int64
             * @description Length of the results, as ordered.
             */
            seconds: number;
            /** @description Charged. */
            spend: components["schemas"]["Amount"];
            /** Format: int64 */
            succeeded: number;
            /**
             * Format: double
             * @description Between 0 and 1; absent without tasks.
             */
            success_rate?: number;
            tag: string;
            /** Format: int64 */
            tasks: number;
            /** @description Absent when tags are listed by name. */
            value?: string;
        };
        Task: {
            aspect_ratio?: string;
            /** Format: int64 */
            charged: number;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: int64
             * @description Seconds, as ordered.
             */
            duration: number;
            /** @description The caller's own. */
            external_task_id?: string;
            fail_code?: string;
            fail_reason?: string;
            /** Format: date-time */
            finished_at?: string;
            id: string;
            mode?: string;
            model: string;
            /** @description Shortened in lists. */
            prompt: string;
            /**
             * Format: int64
             * @description The price, held while the task lives.
             */
            quota: number;
            result_url?: string;
            /** @enum {string} */
            status: "pending" | "submitted" | "processing" | "succeed" | "failed";
            /** Format: date-time */
            submitted_at?: string;
            tags?: {
                [key: string]: string;
            };
            /** @description Of test mode: no money, no upstream. */
            test?: boolean;
            /** Format: int64 */
            token_id?: number;
            type: string;
            /** @description For administrators. */
            upstream?: components["schemas"]["TaskUpstream"];
            /** @description The user's name. */
            user?: string;
            /** Format: int64 */
            user_id: number;
        };
        TaskCost: {
            /** @description As the upstream says it, each in its unit. */
            billed: components["schemas"]["BilledAmount"][];
            /** @description Billed in yuan; only shown. */
            cny?: string;
            /** @description Charged less cost. */
            margin_usd?: string;
            /** @description Of all amounts; absent when one has no known value in dollars. A video unit is 0.14 USD, an image unit 0.0035. */
            usd?: string;
        };
        TaskPage: {
            aspect_ratio?: string;
            callback_url?: string;
            /** Format: int64 */
            charged: number;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description When a live task is given up.
             */
            deadline_at?: string;
            /**
             * Format: int64
             * @description Seconds, as ordered.
             */
            duration: number;
            /** @description The caller's own. */
            external_task_id?: string;
            fail_code?: string;
            fail_reason?: string;
            /** Format: date-time */
            finished_at?: string;
            id: string;
            ledger: components["schemas"]["LedgerEntry"][];
            mode?: string;
            model: string;
            price: components["schemas"]["TaskPrice"];
            /** @description Shortened in lists. */
            prompt: string;
            /** @description While it is pending. */
            queue?: components["schemas"]["QueuePlace"];
            /**
             * Format: int64
             * @description The price, held while the task lives.
             */
            quota: number;
            /** @description The order as the upstream gets it, pictures shortened. */
            request?: unknown;
            /** @description The upstream's own result. */
            result?: unknown;
            result_url?: string;
            route: string;
            /** @enum {string} */
            status: "pending" | "submitted" | "processing" | "succeed" | "failed";
            /** Format: date-time */
            submitted_at?: string;
            tags?: {
                [key: string]: string;
            };
            /** @description Of test mode: no money, no upstream. */
            test?: boolean;
            timeline: components["schemas"]["TimelineEntry"][];
            /** Format: int64 */
            token_id?: number;
            type: string;
            /** Format: date-time */
            updated_at: string;
            /** @description For administrators. */
            upstream?: components["schemas"]["TaskUpstream"];
            /** @description The user's name. */
            user?: string;
            /** Format: int64 */
            user_id: number;
        };
        TaskPrice: {
            charged: components["schemas"]["Amount"];
            explanation?: string[] | null;
            /**
             * Format: int64
             * @description 500000 are 1 USD.
             */
            quota: number;
            rule: string;
            /** @description The rule as it was then. */
            rule_text?: components["schemas"]["Rule"];
            /** @example 0.60 */
            usd: string;
            /**
             * Format: int64
             * @description Of the prices.
             */
            version: number;
        };
        TaskUpstream: {
            /** Format: int64 */
            attempt: number;
            /** @description The channel's name. */
            channel?: string;
            /** Format: int64 */
            channel_id?: number;
            /**
             * Format: int64
             * @description Polls since the last change of state.
             */
            checks: number;
            cost?: components["schemas"]["TaskCost"];
            /** @description Which of the channel's keys. */
            key_id?: string;
            /** Format: date-time */
            next_check_at?: string;
            provider: string;
            /** @description Our external id there. */
            ref?: string;
            /** @description Of the create; leads to the log. */
            request_id?: string;
            /** @enum {string} */
            state: "pending" | "submitting" | "unknown" | "submitted" | "processing" | "succeed" | "failed";
            task_id?: string;
        };
        TimelineEntry: {
            /** Format: date-time */
            at: string;
            /** @description Of a callback. */
            body?: string;
            channel?: string;
            /** Format: int64 */
            channel_id?: number;
            /**
             * Format: int64
             * @description The upstream's own number.
             */
            code?: number;
            /** Format: int64 */
            http_status?: number;
            key_id?: string;
            /** @enum {string} */
            kind: "accepted" | "attempt" | "submitted" | "callback" | "polls" | "settled" | "late" | "webhook";
            message?: string;
            /** @description Of an attempt: accepted, refused or unsure; of a webhook: pending, delivered or failed. */
            outcome?: string;
            ref?: string;
            /** @description The upstream's signature was verified. */
            signed?: boolean;
            text: string;
            /** Format: int64 */
            took_ms?: number;
            /** Format: int64 */
            tries?: number;
            upstream_task_id?: string;
        };
        Token: {
            /** @description Names the token in JWTs that Kling's own clients sign. */
            access_key: string;
            budget: components["schemas"]["TokenBudget"];
            /** Format: date-time */
            created_at: string;
            expired: boolean;
            /**
             * Format: date-time
             * @description Absent: never.
             */
            expires_at?: string;
            /** Format: int64 */
            id: number;
            /**
             * Format: date-time
             * @description To the minute.
             */
            last_used_at?: string;
            /** @description Allowed models, base names or patterns; empty: all. */
            models: string[];
            name: string;
            /** @description Allowed addresses and prefixes; empty: all. */
            networks: string[];
            /**
             * @description First characters of the text, to recognise it by.
             * @example sk-Ab3d
             */
            prefix: string;
            /**
             * Format: int64
             * @description Requests a minute; 0: the gateway's default.
             */
            rate: number;
            /** @enum {string} */
            status: "enabled" | "disabled";
            /** @description Test mode: play money, a simulated upstream. */
            test: boolean;
            /** @description Name of the user. */
            user: string;
            /** Format: int64 */
            user_id: number;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
        };
        TokenAnswer: {
            /** @description Names the token in JWTs that Kling's own clients sign. */
            access_key: string;
            budget: components["schemas"]["TokenBudget"];
            /** Format: date-time */
            created_at: string;
            expired: boolean;
            /**
             * Format: date-time
             * @description Absent: never.
             */
            expires_at?: string;
            /** Format: int64 */
            id: number;
            /**
             * Format: date-time
             * @description To the minute.
             */
            last_used_at?: string;
            /** @description Allowed models, base names or patterns; empty: all. */
            models: string[];
            name: string;
            /** @description Allowed addresses and prefixes; empty: all. */
            networks: string[];
            /**
             * @description First characters of the text, to recognise it by.
             * @example sk-Ab3d
             */
            prefix: string;
            /**
             * Format: int64
             * @description Requests a minute; 0: the gateway's default.
             */
            rate: number;
            /** @enum {string} */
            status: "enabled" | "disabled";
            /** @description Test mode: play money, a simulated upstream. */
            test: boolean;
            /** @description Name of the user. */
            user: string;
            /** Format: int64 */
            user_id: number;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
            /** @description What was accepted and may be a mistake. */
            warnings: string[];
        };
        TokenBudget: {
            /**
             * Format: int64
             * @description Set aside for live tasks.
             */
            held: number;
            /** Format: int64 */
            left?: number;
            /**
             * Format: int64
             * @description Absent: no limit of its own.
             */
            limit?: number;
            /** Format: int64 */
            used: number;
        };
        TokenSnippets: {
            /** @description In place of Kling's host, in any Kling client. */
            base_url: string;
            /** @description A first order. */
            curl: string;
            /** @description Variables for a shell or a .env file. */
            env: string;
        };
        Unbilled: {
            /** Format: int64 */
            charged: number;
            model: string;
            recent: boolean;
            /** Format: date-time */
            settled_at: string;
            task_id: string;
            upstream_task_id: string;
        };
        Uncharged: {
            /** @description Which of the account's keys made it. */
            api_key_name?: string;
            /**
             * Format: date-time
             * @description Of the last deduction.
             */
            at: string;
            /** @description By unit; an empty unit is one that the upstream does not name. */
            costs: components["schemas"]["Cost"][];
            loss_booked: boolean;
            /** @description The upstream's word. */
            model: string;
            /** @description Likewise. */
            product?: string;
            status: string;
            task_id: string;
            upstream_task_id: string;
        };
        UpdateChannelBody: {
            /** @description Keys to add, one a line. */
            add_keys?: string;
            base_url?: string;
            groups?: string[];
            /** @description Replaces all keys, one a line. */
            keys?: string;
            /** Format: int64 */
            max_live?: number;
            models?: string[];
            name?: string;
            /** Format: int64 */
            priority?: number;
            /** @description Ids of keys to take away. */
            remove_keys?: string[] | null;
            /**
             * Format: int64
             * @description The version that was edited.
             */
            version: number;
            /** @description Replaces the signing secrets; empty takes them away. */
            webhook_secret?: string;
            /** Format: int64 */
            weight?: number;
        };
        UpdateGroupBody: {
            ratio?: string;
            title?: string;
            /**
             * Format: int64
             * @description The version that was edited.
             */
            version: number;
        };
        UpdateMeBody: {
            display_name?: string;
            email?: string;
            /**
             * Format: int64
             * @description The version that was edited.
             */
            version: number;
        };
        UpdateSettingsBody: {
            /** Format: int64 */
            default_rate?: number;
            /** @enum {string} */
            log_level?: "" | "debug" | "info" | "warn" | "error";
            notice?: string;
            queue_when_busy?: boolean;
            /** @enum {string} */
            registration?: "closed" | "open" | "invite";
            resend_after_absence?: boolean;
            /**
             * Format: int64
             * @description The version that was edited.
             */
            version: number;
            /** Format: int64 */
            webhook_keep_days?: number;
        };
        UpdateTokenBody: {
            /**
             * Format: int64
             * @description Quota; null takes the limit away.
             */
            budget?: number | null;
            /**
             * Format: date-time
             * @description null: never.
             */
            expires_at?: string | null;
            models?: string[];
            name?: string;
            networks?: string[];
            /** Format: int64 */
            rate?: number;
            /** @enum {string} */
            status?: "enabled" | "disabled";
            /**
             * Format: int64
             * @description The version that was edited.
             */
            version: number;
        };
        UpdateUserBody: {
            display_name?: string;
            email?: string;
            group?: string;
            /** Format: int64 */
            rate?: number;
            /**
             * @description Changed by root only; the user's sessions end.
             * @enum {string}
             */
            role?: "root" | "admin" | "user";
            /**
             * @description When it changes, the user's sessions end.
             * @enum {string}
             */
            status?: "enabled" | "disabled";
            /**
             * Format: int64
             * @description The version that was edited.
             */
            version: number;
        };
        UpdateWebhookBody: {
            description?: string;
            events?: string[];
            /** @enum {string} */
            status?: "enabled" | "disabled";
            url?: string;
            /**
             * Format: int64
             * @description The version that was edited.
             */
            version: number;
        };
        UpstreamCharge: {
            /** @description Which of the account's keys made it. */
            api_key_name?: string;
            /**
             * Format: date-time
             * @description Of the last deduction.
             */
            at: string;
            /** @description By unit; an empty unit is one that the upstream does not name. */
            costs: components["schemas"]["Cost"][];
            /** @description The upstream's word. */
            model: string;
            /** @description Likewise. */
            product?: string;
            upstream_task_id: string;
        };
        Usage: {
            /** @description For administrators. */
            cost?: components["schemas"]["UsageCost"];
            /** Format: int64 */
            failed: number;
            /**
             * Format: double
             * @description Half of the successes came within this time; an estimate from classes.
             */
            p50_seconds: number;
            /** Format: double */
            p95_seconds: number;
            /**
             * Format: int64
             * @description Length of the results, as ordered.
             */
            seconds: number;
            /** @description Charged. */
            spend: components["schemas"]["Amount"];
            /** Format: int64 */
            succeeded: number;
            /**
             * Format: double
             * @description Between 0 and 1; absent without tasks.
             */
            success_rate?: number;
            /** Format: int64 */
            tasks: number;
        };
        UsageAt: {
            /**
             * Format: date-time
             * @description Beginning of the hour or day, in the time zone asked for.
             */
            at: string;
            /** @description For administrators. */
            cost?: components["schemas"]["UsageCost"];
            /** Format: int64 */
            failed: number;
            /**
             * Format: double
             * @description Half of the successes came within this time; an estimate from classes.
             */
            p50_seconds: number;
            /** Format: double */
            p95_seconds: number;
            /**
             * Format: int64
             * @description Length of the results, as ordered.
             */
            seconds: number;
            /** @description Charged. */
            spend: components["schemas"]["Amount"];
            /** Format: int64 */
            succeeded: number;
            /**
             * Format: double
             * @description Between 0 and 1; absent without tasks.
             */
            success_rate?: number;
            /** Format: int64 */
            tasks: number;
        };
        UsageCost: {
            /** @description Billed in yuan; only shown. */
            cny?: string;
            /** @description Charged for those less their cost. */
            margin_usd: string;
            /**
             * Format: int64
             * @description Tasks whose cost is known.
             */
            tasks: number;
            /**
             * Format: int64
             * @description Tasks that the upstream has not told the cost of, or not in units with a value in dollars.
             */
            tasks_unknown: number;
            /** @description Of the tasks whose cost is known. */
            usd: string;
        };
        UsageOf: {
            /** @description For administrators. */
            cost?: components["schemas"]["UsageCost"];
            /** Format: int64 */
            failed: number;
            /** Format: int64 */
            id?: number;
            name: string;
            /**
             * Format: double
             * @description Half of the successes came within this time; an estimate from classes.
             */
            p50_seconds: number;
            /** Format: double */
            p95_seconds: number;
            /**
             * Format: int64
             * @description Length of the results, as ordered.
             */
            seconds: number;
            /** @description Charged. */
            spend: components["schemas"]["Amount"];
            /** Format: int64 */
            succeeded: number;
            /**
             * Format: double
             * @description Between 0 and 1; absent without tasks.
             */
            success_rate?: number;
            /** Format: int64 */
            tasks: number;
        };
        User: {
            /** Format: date-time */
            created_at: string;
            display_name: string;
            email: string;
            group: string;
            has_password: boolean;
            /** Format: int64 */
            id: number;
            /** @description To sign in with. */
            name: string;
            /**
             * Format: int64
             * @description Requests a minute, of all tokens together; 0: no limit.
             */
            rate: number;
            /** @enum {string} */
            role: "root" | "admin" | "user";
            /** @enum {string} */
            status: "enabled" | "disabled";
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
        };
        UserDetail: {
            /**
             * Format: int64
             * @description Quota that can be spent; 500000 are 1 USD.
             */
            available: number;
            /** Format: date-time */
            created_at: string;
            display_name: string;
            email: string;
            group: string;
            has_password: boolean;
            /**
             * Format: int64
             * @description Quota set aside for live tasks.
             */
            held: number;
            /** Format: int64 */
            id: number;
            /** Format: int64 */
            live_tasks: number;
            /** @description To sign in with. */
            name: string;
            /** Format: int64 */
            passkeys: number;
            /**
             * Format: int64
             * @description Requests a minute, of all tokens together; 0: no limit.
             */
            rate: number;
            /** @enum {string} */
            role: "root" | "admin" | "user";
            /** Format: int64 */
            sessions: number;
            /** @enum {string} */
            status: "enabled" | "disabled";
            /** Format: int64 */
            tokens: number;
            /** @description Sign-in with a password asks for a second factor. */
            totp: boolean;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
        };
        Verification: {
            /** Format: date-time */
            checked_at: string;
            mismatches: components["schemas"]["Mismatch"][];
            ok: boolean;
            /** Format: int64 */
            took_ms: number;
        };
        Waiting: {
            /** Format: date-time */
            since: string;
            task_id: string;
        };
        Webhook: {
            /** Format: date-time */
            created_at: string;
            description: string;
            /** @description Event types; empty: all. */
            events: string[];
            /**
             * Format: date-time
             * @description First failed try since the last good one.
             */
            failing_since?: string;
            /** Format: int64 */
            id: number;
            /**
             * Format: date-time
             * @description Of the last try that it took.
             */
            last_ok_at?: string;
            /**
             * Format: int64
             * @description HTTP status of the last try; absent: no answer.
             */
            last_status?: number;
            /** Format: date-time */
            last_try_at?: string;
            /**
             * @description Why the gateway switched it off. gone: it answered 410. failing: every try of five days failed.
             * @enum {string}
             */
            reason?: "gone" | "failing";
            /** Format: date-time */
            reason_at?: string;
            /**
             * Format: date-time
             * @description The old secret signs as well for 24 h after this.
             */
            rotated_at?: string;
            /** @enum {string} */
            status: "enabled" | "disabled";
            /** Format: date-time */
            updated_at: string;
            /** @description To others than the owner without its query. */
            url: string;
            /** @description Name of the user. */
            user: string;
            /** Format: int64 */
            user_id: number;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
        };
        WebhookDelivery: {
            /**
             * Format: date-time
             * @description Of the event.
             */
            created_at: string;
            /** Format: date-time */
            delivered_at?: string;
            /** @description Of the last try; administrators only. */
            error?: string;
            /** @description The header webhook-id; the same on every try. */
            event_id: string;
            id: string;
            /**
             * Format: int64
             * @description HTTP status of the last try.
             */
            last_status?: number;
            /**
             * Format: int64
             * @description Milliseconds that the last try took.
             */
            last_took_ms?: number;
            /** Format: date-time */
            last_try_at?: string;
            /** Format: date-time */
            next_try_at?: string;
            /**
             * @description Of the last try: no answer came, the answer was not 2xx, or it was not sent because the webhook was off.
             * @enum {string}
             */
            problem?: "no_answer" | "refused" | "endpoint_off";
            /** @description Beginning of what was answered; administrators only. */
            response?: string;
            /**
             * @description pending: a try is to come. failed: none is.
             * @enum {string}
             */
            status: "pending" | "delivered" | "failed";
            task_id: string;
            /** Format: int64 */
            tries: number;
            /** @example task.succeed */
            type: string;
            /** @description As it was when the event was made; to others than the owner without its query. */
            url: string;
            /** @description Name of the user. */
            user: string;
            /** Format: int64 */
            user_id: number;
            /**
             * Format: int64
             * @description Absent: the order's callback_url.
             */
            webhook_id?: number;
        };
        WebhookTest: {
            /** @description The receiver answered 2xx. */
            delivered: boolean;
            /** @description Administrators only. */
            error?: string;
            event_id: string;
            /** @description Beginning of what was answered; administrators only. */
            response?: string;
            /**
             * Format: int64
             * @description HTTP status; absent: no answer.
             */
            status?: number;
            /** Format: int64 */
            took_ms: number;
        };
        WebhookWithSecret: {
            /** Format: date-time */
            created_at: string;
            description: string;
            /** @description Event types; empty: all. */
            events: string[];
            /**
             * Format: date-time
             * @description First failed try since the last good one.
             */
            failing_since?: string;
            /** Format: int64 */
            id: number;
            /**
             * Format: date-time
             * @description Of the last try that it took.
             */
            last_ok_at?: string;
            /**
             * Format: int64
             * @description HTTP status of the last try; absent: no answer.
             */
            last_status?: number;
            /** Format: date-time */
            last_try_at?: string;
            /**
             * @description Why the gateway switched it off. gone: it answered 410. failing: every try of five days failed.
             * @enum {string}
             */
            reason?: "gone" | "failing";
            /** Format: date-time */
            reason_at?: string;
            /**
             * Format: date-time
             * @description The old secret signs as well for 24 h after this.
             */
            rotated_at?: string;
            /** @description whsec_…, for the receiver's Standard Webhooks library. Absent when somebody else's. */
            secret?: string;
            /** @enum {string} */
            status: "enabled" | "disabled";
            /** Format: date-time */
            updated_at: string;
            /** @description To others than the owner without its query. */
            url: string;
            /** @description Name of the user. */
            user: string;
            /** Format: int64 */
            user_id: number;
            /**
             * Format: int64
             * @description Send it back with an edit.
             */
            version: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    about: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["About"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-audit": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                /** @description Whole, or a beginning with * at its end. */
                actor?: string;
                /** @description Whole, or a beginning with * at its end. */
                action?: string;
                /** @description Whole, or a beginning with * at its end. */
                target?: string;
                /** @description From this moment on. */
                since?: string;
                /** @description Before this moment. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageAuditEntry"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-channels": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                status?: "enabled" | "disabled" | "broken" | "draining";
                type?: number;
                group?: string;
                /** @description Channels that offer this model. */
                model?: string;
                /** @description A part of the name. */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageChannel"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-channel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateChannelBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-channel-types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageChannelType"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-channel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-channel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "update-channel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateChannelBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "disable-channel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "drain-channel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "enable-channel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-channel-packs": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Packs"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "reconcile-channel": {
        parameters: {
            query: {
                /** @description Begin of the window. */
                from: string;
                /** @description End of the window. */
                to: string;
            };
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reconciliation"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "test-channel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelTest"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageGroup"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-group": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateGroupBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-group": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-group": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "update-group": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateGroupBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-invitations": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageInvitation"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-invitation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateInvitationBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Invitation"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "revoke-invitation": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-ledger": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                /** @description For administrators. */
                user_id?: number;
                token_id?: number;
                task_id?: string;
                kind?: "hold" | "capture" | "release" | "topup" | "grant" | "redeem" | "adjust" | "loss";
                since?: string;
                /** @description Before this time. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageLedgerEntry"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "export-ledger": {
        parameters: {
            query?: {
                /** @description For administrators. */
                user_id?: number;
                token_id?: number;
                task_id?: string;
                kind?: "hold" | "capture" | "release" | "topup" | "grant" | "redeem" | "adjust" | "loss";
                since?: string;
                /** @description Before this time. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-statements": {
        parameters: {
            query?: {
                /** @description For administrators; yourself when left out. */
                user_id?: number;
                /** @description How many, the present one among them. */
                months?: number;
                /** @description IANA name of the zone whose months they are. */
                tz?: string;
                /** @description The play ledger of test mode. */
                test?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageStatement"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-statement": {
        parameters: {
            query: {
                /** @description For administrators; yourself when left out. */
                user_id?: number;
                month: string;
                /** @description IANA name of the zone whose month it is. */
                tz?: string;
                /** @description The play ledger of test mode. */
                test?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Statement"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "update-me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateMeBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-my-linked-accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageLinkedAccount"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "link-my-account": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redirect"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "unlink-my-account": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-my-passkeys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PagePasskey"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "add-my-passkey": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddPasskeyBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Passkey"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "begin-my-passkey": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ceremony"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-my-passkey": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "rename-my-passkey": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RenamePasskeyBody"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "change-my-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangePasswordBody"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-my-personal-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PagePersonalToken"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-my-personal-token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreatePersonalTokenBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PersonalToken"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-my-personal-token": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-my-sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageSession"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-my-session": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "begin-my-totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BeginTOTPBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TOTPSetup"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "confirm-my-totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConfirmTOTPBody"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "disable-my-totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DisableTOTPBody"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "show-my-webhook-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SigningSecrets"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "rotate-my-webhook-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RotateMySecretBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SigningSecrets"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-models": {
        parameters: {
            query?: {
                /** @description Of test mode, which offers all. */
                test?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Models"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageNode"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-prices": {
        parameters: {
            query?: {
                /** @description Price the samples with this group's ratio. */
                group?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Prices"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "put-prices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutPricesBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Prices"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "preview-prices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PreviewPricesBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PricePreview"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-public-prices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PublicPrices"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-price-versions": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PagePriceVersion"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-price-version": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Prices"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "restore-price-version": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                version: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RestorePricesBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Prices"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    quote: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AskQuoteBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quote"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-recovery": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recovery"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "switch-recovery": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SwitchRecoveryBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recovery"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-redemptions": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                status?: "open" | "disabled" | "used";
                /** @description Of the batch. */
                name?: string;
                prefix?: string;
                used_by?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageRedemption"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-redemptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateRedemptionsBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageRedemption"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    redeem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RedeemBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redeemed"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-redemption": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redemption"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "update-redemption": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SwitchRedemptionBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redemption"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterUserBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResetPasswordBody"];
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignInBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "sign-out": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "sign-in-by-link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignInByLinkBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "sign-in-methods": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignInMethods"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "begin-oidc": {
        parameters: {
            query?: {
                /** @description For who has no account here yet. */
                invitation?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description See Other */
            303: {
                headers: {
                    Location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "finish-oidc": {
        parameters: {
            query?: {
                state?: string;
                code?: string;
                error?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description See Other */
            303: {
                headers: {
                    Location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "passkey-sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignInWithPasskeyBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "begin-passkey-sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ceremony"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "update-settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateSettingsBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Setup"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "set-up": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetUpBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-stats": {
        parameters: {
            query?: {
                /** @description A week ago when left out. */
                since?: string;
                /** @description Now when left out. */
                until?: string;
                /** @description For administrators; all users when left out. */
                user_id?: number;
                /** @description Of test mode, with play money, instead. */
                test?: boolean;
                /** @description Only of this model. */
                model?: string;
                /** @description Only of this channel; for administrators. */
                channel_id?: number;
                /** @description IANA name. Hours are whole hours UTC; where a zone is half an hour off, a day begins with the first of them that begins in it. */
                tz?: string;
                /** @description By default hours up to three days, else days. */
                interval?: "hour" | "day";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stats"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-tag-stats": {
        parameters: {
            query?: {
                /** @description A week ago when left out. */
                since?: string;
                /** @description Now when left out. */
                until?: string;
                /** @description For administrators; all users when left out. */
                user_id?: number;
                /** @description Of test mode, with play money, instead. */
                test?: boolean;
                /** @description Spend by the values of this tag; by the names of tags when left out. */
                tag?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TagStats"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-tasks": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                /** @description As callers see it. */
                status?: "pending" | "submitted" | "processing" | "succeed" | "failed";
                /** @description As the gateway has it; for administrators. */
                state?: "pending" | "submitting" | "unknown" | "submitted" | "processing" | "succeed" | "failed";
                type?: string;
                model?: string;
                /** @description For administrators. */
                channel_id?: number;
                /** @description For administrators. */
                user_id?: number;
                token_id?: number;
                /** @description Accepted at this time or later. */
                since?: string;
                /** @description Accepted before this time. */
                until?: string;
                id?: string;
                /** @description The caller's own id. */
                external_task_id?: string;
                /** @description For administrators. */
                upstream_task_id?: string;
                /** @description A part of the prompt. The newest tasks are searched first; a page may be empty and have a next one. */
                q?: string;
                /** @description A tag's name, or name=value. */
                tag?: string;
                /** @description Only tasks of test mode, or none of them. */
                test?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageTask"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-task": {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key and body order once, for 48 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PlaceTaskBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlacedTask"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "task-events": {
        parameters: {
            query?: {
                /** @description Tasks to follow, at most 100, separated by commas; those that you may not see are left out. Without it: what changes among the 50 newest. */
                ids?: string[] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-task": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskPage"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "cancel-task": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskPage"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "check-task": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskPage"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-task-media": {
        parameters: {
            query?: {
                /** @description Which of them, from 0. */
                i?: number;
                kind?: "video" | "image" | "audio";
                /** @description To be kept as a file. */
                download?: boolean;
            };
            header?: {
                /** @description A part of it, as players ask. */
                Range?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                    "image/png": string;
                    "video/mp4": string;
                };
            };
            /** @description Partial Content */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                    "image/png": string;
                    "video/mp4": string;
                };
            };
            /** @description Range Not Satisfiable */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "list-tokens": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                /** @description Of this user; administrators only. Default: all users' for administrators, else one's own. */
                user_id?: number;
                status?: "enabled" | "disabled";
                test?: "true" | "false";
                /** @description A part of the name. */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageToken"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateTokenBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedToken"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-token": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-token": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "update-token": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateTokenBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-users": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                /** @description Beginning of the name or the mail address. */
                search?: string;
                role?: "root" | "admin" | "user";
                status?: "enabled" | "disabled";
                group?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageListedUser"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-user": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateUserBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-user": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserDetail"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-user": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "update-user": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateUserBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "change-balance": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangeBalanceBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BalanceChange"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-reset-link": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResetLink"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-user-totp": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Verification"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-webhooks": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                /** @description Of this user; administrators only. Default: all users' for administrators, else one's own. */
                user_id?: number;
                status?: "enabled" | "disabled";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWebhook"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "create-webhook": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateWebhookBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookWithSecret"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "list-deliveries": {
        parameters: {
            query?: {
                /** @description Rows of a page. */
                limit?: number;
                /** @description next_cursor of the page before. */
                cursor?: string;
                /** @description Of this user; administrators only. Default: all users' for administrators, else one's own. */
                user_id?: number;
                /** @description Id of a webhook, or callback: the orders' callback_url. */
                endpoint?: string;
                task_id?: string;
                status?: "pending" | "delivered" | "failed";
                type?: "task.succeed" | "task.failed";
                /** @description Events from this moment on. */
                since?: string;
                /** @description Events before this moment. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageWebhookDelivery"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-delivery": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    redeliver: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "get-webhook": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "delete-webhook": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "update-webhook": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateWebhookBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "redeliver-failed": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RedeliverFailedBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redelivered"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "rotate-webhook": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RotateWebhookBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookWithSecret"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "show-webhook-secret": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SigningSecrets"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "test-webhook": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookTest"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
