package main

import "one-api/internal/cli"

// description leads "one-api --help": a stranger who reads nothing else sends a
// first video. A test does what it says.
const description = `A gateway in front of generative-video APIs: one token, one bill, one console.

First steps (no Kling key yet? one-api demo shows it all; one-api klingsim is a Kling to rehearse against):

  1. Make the administrator and the database:
       one-api setup
  2. Add your Kling account, and try its key with a call that costs nothing:
       one-api channel add --base-url https://api-singapore.klingai.com --key 'AccessKey|SecretKey'
       one-api channel test 1
  3. Make a user with a balance and a token. The token is shown once:
       one-api user create alice
       one-api user grant alice --usd 10 --reason welcome
       one-api token create --user alice --name laptop
  4. Start the gateway, in this directory:
       one-api
  5. From another shell, order a video and wait for it:
       curl -sS http://127.0.0.1:3000/kling/v1/videos/text2video -H 'Authorization: Bearer sk-TOKEN' -H 'Content-Type: application/json' -d '{"model":"kling-v1-6-std","prompt":"a kitten plays in the grass","duration":5}'
       curl -sS 'http://127.0.0.1:3000/kling/v1/videos/TASK_ID?wait=30' -H 'Authorization: Bearer sk-TOKEN'
  6. See what it cost:
       one-api ledger list --user alice

Settings come from flags, the environment or .env; "one-api config" shows them. All commands work beside a
running gateway, which sees a change within two seconds. Amounts are US dollars or quota: 500000 quota are 1 USD.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or settings; 3 not found; 4 conflict: changed meanwhile,
taken, or in use.`

// settingsShown are the settings that management commands show in their help;
// they take the others too, since they read the same .env.
var settingsShown = map[string]bool{"sql-dsn": true, "data-dir": true}

// hideSettings hides in a command's help what only concerns a server.
func hideSettings(c *cli.Command) {
	if c.Name == "serve" || c.Name == "config" {
		return
	}
	for _, f := range c.Flags {
		switch {
		case f.Group == "":
		case settingsShown[f.Name]:
			f.Group = "Which gateway:"
		default:
			f.Hidden = true
		}
	}
}
