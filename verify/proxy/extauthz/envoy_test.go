package extauthz_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

const envoyConfig = "../../../bootstrap/envoy/ramp.yaml"

// The configuration that we document is one of Envoy's types, fulfils their
// rules, and fails closed.
func TestEnvoyConfig(t *testing.T) {
	var bootstrap bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(asJSON(t, envoyConfig), &bootstrap); err != nil {
		t.Fatal(err)
	}
	var filters int
	all := func(m proto.Message) {
		if v, ok := m.(interface{ ValidateAll() error }); !ok {
			t.Errorf("%T has no rules", m)
		} else if err := v.ValidateAll(); err != nil {
			t.Errorf("%T: %v", m, err)
		}
		switch m := m.(type) {
		case *extauthzv3.ExtAuthz:
			filters++
			if m.FailureModeAllow || !m.EncodeRawHeaders || !m.IncludePeerCertificate || m.GetGrpcService().GetTimeout().AsDuration() == 0 || m.TransportApiVersion != corev3.ApiVersion_V3 {
				t.Errorf("ext_authz: %v", m)
			}
		case *hcmv3.HttpConnectionManager:
			first := m.HttpFilters[0].GetName()
			if !m.GetNormalizePath().GetValue() || m.PathWithEscapedSlashesAction != hcmv3.HttpConnectionManager_REJECT_REQUEST || first != "envoy.filters.http.ext_authz" ||
				m.GetCommonHttpProtocolOptions().GetHeadersWithUnderscoresAction() != corev3.HttpProtocolOptions_REJECT_REQUEST || !m.GetUseRemoteAddress().GetValue() {
				t.Errorf("connection manager: %v", m)
			}
		}
	}
	each(t, &bootstrap, all)
	if filters != 1 {
		t.Errorf("%d ext_authz filters", filters)
	}
}

// each calls f for a message and for all that are packed in it.
func each(t *testing.T, m proto.Message, f func(proto.Message)) {
	t.Helper()
	f(m)
	err := protorange.Range(m.ProtoReflect(), func(p protopath.Values) error {
		packed, ok := p.Index(-1).Value.Interface().(protoreflect.Message)
		if !ok {
			return nil
		}
		if packed, ok := packed.Interface().(*anypb.Any); ok {
			inner, err := packed.UnmarshalNew()
			if err != nil {
				return err
			}
			each(t, inner, f)
			return protorange.Break
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func asJSON(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := yaml.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// What the page shows of it is what the file says.
func TestEnvoyDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/protect-a-service.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(envoyConfig)
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(page), "```yaml\n")
	block, _, closed := strings.Cut(block, "```")
	if !found || !closed {
		t.Fatal("the page shows no configuration")
	}
	if !strings.Contains(flush(string(file)), flush(block)) {
		t.Errorf("the file does not have\n%s", block)
	}
}

// flush is text without its indentation, and without comments.
func flush(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" {
			b.WriteString(strings.TrimSpace(line) + "\n")
		}
	}
	return b.String()
}
