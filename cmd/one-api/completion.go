package main

import (
	"os"
	"strings"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// completions let a shell ask this program, which knows its commands. PROGRAM
// is its path, quoted.
var completions = map[string]string{
	"bash": "complete -o default -C PROGRAM one-api\n",
	"zsh":  "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\ncomplete -o default -C PROGRAM one-api\n",
	"fish": `function __complete_one_api
    set -lx COMP_LINE (commandline -cp)
    test -z (commandline -ct)
    and set COMP_LINE "$COMP_LINE "
    PROGRAM
end
complete -f -c one-api -a "(__complete_one_api)"
`,
}

func (c *completionCmd) Run(t *terminal) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return t.print("%s", strings.ReplaceAll(completions[c.Shell], "PROGRAM", "'"+strings.ReplaceAll(program, "'", `'\''`)+"'"))
}
