package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// The groups in which ramp -h lists the commands.
const (
	groupCode     = "code"
	groupOperate  = "operate"
	groupVerifier = "verifier"
)

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "ramp",
		Short: "Work with ramp contracts: as code, on a mount, and as a verifier",
		Long: `Work with ramp contracts: write them as code and apply them, operate a mount,
and verify tokens.

Commands that talk to Vault read what Vault's own command reads: VAULT_ADDR,
VAULT_TOKEN or the token of vault login, VAULT_NAMESPACE, VAULT_CACERT.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("ramp {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupCode, Title: "Contracts as code:"},
		&cobra.Group{ID: groupOperate, Title: "Operate a mount:"},
		&cobra.Group{ID: groupVerifier, Title: "Verify and protect:"},
	)
	group := func(id string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	group(groupCode, fmtCommand(), validateCommand(), schemaCommand(), testCommand(), planCommand(), applyCommand(), exportCommand(), importCommand())
	group(groupOperate, explainCommand(), deployCommand(), suspendCommand(), resumeCommand(), revokeCommand(),
		advanceCommand(), retreatCommand(), consentCommand(), statusCommand(), graphCommand(),
		reportsCommand(), ledgerCommand())
	group(groupVerifier, verifyCommand(), relayCommand(), proxyCommand())
	root.AddCommand(versionCommand(), manCommand())
	root.CompletionOptions.DisableDescriptions = true
	return root
}

// vaultStyle lets people write -name=value as they do with vault.
func vaultStyle(args []string) []string {
	list := make([]string, len(args))
	for i, a := range args {
		if len(a) > 2 && a[0] == '-' && a[1] != '-' && !strings.ContainsAny(a[1:2], "0123456789") {
			a = "-" + a
		}
		list[i] = a
	}
	return list
}
