package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

// explanation is what explain/<role> answers, as far as it is shown here.
type explanation struct {
	Allowed    bool   `json:"allowed"`
	Code       string `json:"code"`
	Reason     string `json:"reason"`
	Scope      string `json:"scope"`
	ExpiresAt  string `json:"expires_at"`
	Subject    string `json:"subject"`
	Stage      string `json:"stage"`
	Generation string `json:"generation"`
	Checks     []struct {
		Code    string `json:"code"`
		Passed  bool   `json:"passed"`
		Reason  string `json:"reason"`
		Clauses []struct {
			Expression string `json:"expression"`
			Value      string `json:"value"`
		} `json:"clauses"`
	} `json:"checks"`
}

func explainCommand() *cobra.Command {
	var o operation
	var from files
	ask := map[string]*string{}
	var facts []string
	var path string
	cmd := &cobra.Command{
		Use:   "explain CONTRACT",
		Short: "Show whether a caller gets a credential now, and each check",
		Long: `Show the decision on a credential without minting it: every check, what it looked at
and its answer, and the parts of conditions with their values. It is about yourself;
with a policy that allows it, about another caller, time or address.

With -files, the contract is decided as those files have it, not as the mount has it.`,
		Example: `  ramp explain orders-to-payments
  ramp explain orders-to-payments -caller=4f6c2a4e-0000-4000-8000-000000000000 -time=2027-03-07T12:00:00Z
  ramp explain orders-to-payments -files=contracts`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data := map[string]any{}
			for name, v := range ask {
				if *v != "" {
					data[name] = *v
				}
			}
			if facts != nil {
				data["context"] = facts
			}
			if path != "" {
				e, err := from.load(cmd, []string{path})
				if err != nil {
					return err
				}
				c := e.Contract(args[0])
				if c == nil {
					return advise(fmt.Errorf("%s has no contract %q", path, args[0]), "name a contract that it has")
				}
				data["contract"] = endpoint.Encode(c.Terms)
			}
			m, err := o.open()
			if err != nil {
				return err
			}
			answer, _, err := m.Write(cmd.Context(), "explain/"+args[0], data)
			if err != nil {
				return failure{err}
			}
			var x explanation
			if text, err := json.Marshal(answer); err != nil || json.Unmarshal(text, &x) != nil {
				return failure{errors.New("the answer is not a decision")}
			}
			return o.print(cmd.OutOrStdout(), answer, func(w io.Writer) { showExplanation(w, &x) })
		},
	}
	o.register(cmd)
	from.register(cmd)
	for name, what := range map[string]string{
		"caller": "entity ID to decide for; default: your own", "time": "RFC 3339 time to decide at; default: now",
		"remote_address": "address to decide for; default: your own", "scopes": "scopes to ask for, with commas", "ttl": "life to ask for", "generation": "deploy to ask as",
	} {
		ask[name] = cmd.Flags().String(flagName(name), "", what)
	}
	cmd.Flags().StringArrayVar(&facts, "context", nil, "key=value that the caller declares; may be repeated")
	cmd.Flags().StringVar(&path, "files", "", "file or directory to take the contract from")
	return cmd
}

func flagName(field string) string {
	if field == "remote_address" {
		return "remote-address"
	}
	return field
}

func showExplanation(w io.Writer, x *explanation) {
	for _, c := range x.Checks {
		mark := green("✓")
		if !c.Passed {
			mark = red("✗")
		}
		fmt.Fprintf(w, "%s %s\n", mark, c.Reason)
		for _, part := range c.Clauses {
			fmt.Fprintf(w, "    %s %s\n", part.Expression, faint("= "+part.Value))
		}
	}
	if !x.Allowed {
		fmt.Fprintf(w, "\n%s: %s (%s)\n", red("denied"), x.Reason, x.Code)
		return
	}
	text := fmt.Sprintf("scopes %s, until %s, as %s", x.Scope, x.ExpiresAt, x.Subject)
	if x.Stage != "" {
		text += ", at stage " + x.Stage
	}
	if x.Generation != "" {
		text += ", of generation " + x.Generation
	}
	fmt.Fprintf(w, "\n%s: %s\n", green("allowed"), text)
}
