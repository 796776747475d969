# An estate of 50 services, for looking at pictures of it.

service "account" {
  audience = "https://account.internal"
  scopes   = ["account:read", "account:write"]
  max_ttl  = "1h"
}

service "audit" {
  audience = "https://audit.internal"
  scopes   = ["audit:read", "audit:write"]
  max_ttl  = "1h"
}

service "billing" {
  audience = "https://billing.internal"
  scopes   = ["billing:read", "billing:write"]
  max_ttl  = "1h"
}

service "carriers" {
  audience = "https://carriers.internal"
  scopes   = ["carriers:read", "carriers:write"]
  max_ttl  = "1h"
}

service "cart" {
  audience = "https://cart.internal"
  scopes   = ["cart:read", "cart:write"]
  max_ttl  = "1h"
}

service "catalog" {
  audience = "https://catalog.internal"
  scopes   = ["catalog:read", "catalog:write"]
  max_ttl  = "1h"
}

service "deploys" {
  audience = "https://deploys.internal"
  scopes   = ["deploys:read", "deploys:write"]
  max_ttl  = "1h"
}

service "directory" {
  audience = "https://directory.internal"
  scopes   = ["directory:read", "directory:write"]
  max_ttl  = "1h"
}

service "exports" {
  audience = "https://exports.internal"
  scopes   = ["exports:read", "exports:write"]
  max_ttl  = "1h"
}

service "features" {
  audience = "https://features.internal"
  scopes   = ["features:read", "features:write"]
  max_ttl  = "1h"
}

service "flags" {
  audience = "https://flags.internal"
  scopes   = ["flags:read", "flags:write"]
  max_ttl  = "1h"
}

service "fraud" {
  audience = "https://fraud.internal"
  scopes   = ["fraud:read", "fraud:write"]
  max_ttl  = "1h"
}

service "gateway" {
  audience = "https://gateway.internal"
  scopes   = ["gateway:read", "gateway:write"]
  max_ttl  = "1h"
}

service "geo" {
  audience = "https://geo.internal"
  scopes   = ["geo:read", "geo:write"]
  max_ttl  = "1h"
}

service "hsm" {
  audience = "https://hsm.internal"
  scopes   = ["hsm:read", "hsm:write"]
  max_ttl  = "1h"
}

service "identity" {
  audience = "https://identity.internal"
  scopes   = ["identity:read", "identity:write"]
  max_ttl  = "1h"
}

service "inventory" {
  audience = "https://inventory.internal"
  scopes   = ["inventory:read", "inventory:write"]
  max_ttl  = "1h"
}

service "invoices" {
  audience = "https://invoices.internal"
  scopes   = ["invoices:read", "invoices:write"]
  max_ttl  = "1h"
}

service "lake" {
  audience = "https://lake.internal"
  scopes   = ["lake:read", "lake:write"]
  max_ttl  = "1h"
}

service "ledger" {
  audience = "https://ledger.internal"
  scopes   = ["ledger:read", "ledger:write"]
  max_ttl  = "1h"
}

service "mail" {
  audience = "https://mail.internal"
  scopes   = ["mail:read", "mail:write"]
  max_ttl  = "1h"
}

service "media" {
  audience = "https://media.internal"
  scopes   = ["media:read", "media:write"]
  max_ttl  = "1h"
}

service "models" {
  audience = "https://models.internal"
  scopes   = ["models:read", "models:write"]
  max_ttl  = "1h"
}

service "notifications" {
  audience = "https://notifications.internal"
  scopes   = ["notifications:read", "notifications:write"]
  max_ttl  = "1h"
}

service "objects" {
  audience = "https://objects.internal"
  scopes   = ["objects:read", "objects:write"]
  max_ttl  = "1h"
}

service "orders" {
  audience = "https://orders.internal"
  scopes   = ["orders:read", "orders:write"]
  max_ttl  = "1h"
}

service "payments" {
  audience = "https://payments.internal"
  scopes   = ["payments:read", "payments:write"]
  max_ttl  = "1h"
}

service "preferences" {
  audience = "https://preferences.internal"
  scopes   = ["preferences:read", "preferences:write"]
  max_ttl  = "1h"
}

service "pricing" {
  audience = "https://pricing.internal"
  scopes   = ["pricing:read", "pricing:write"]
  max_ttl  = "1h"
}

service "promotions" {
  audience = "https://promotions.internal"
  scopes   = ["promotions:read", "promotions:write"]
  max_ttl  = "1h"
}

service "push" {
  audience = "https://push.internal"
  scopes   = ["push:read", "push:write"]
  max_ttl  = "1h"
}

service "rates" {
  audience = "https://rates.internal"
  scopes   = ["rates:read", "rates:write"]
  max_ttl  = "1h"
}

service "recommendations" {
  audience = "https://recommendations.internal"
  scopes   = ["recommendations:read", "recommendations:write"]
  max_ttl  = "1h"
}

service "refunds" {
  audience = "https://refunds.internal"
  scopes   = ["refunds:read", "refunds:write"]
  max_ttl  = "1h"
}

service "registry" {
  audience = "https://registry.internal"
  scopes   = ["registry:read", "registry:write"]
  max_ttl  = "1h"
}

service "reports" {
  audience = "https://reports.internal"
  scopes   = ["reports:read", "reports:write"]
  max_ttl  = "1h"
}

service "schedules" {
  audience = "https://schedules.internal"
  scopes   = ["schedules:read", "schedules:write"]
  max_ttl  = "1h"
}

service "scoring" {
  audience = "https://scoring.internal"
  scopes   = ["scoring:read", "scoring:write"]
  max_ttl  = "1h"
}

service "search" {
  audience = "https://search.internal"
  scopes   = ["search:read", "search:write"]
  max_ttl  = "1h"
}

service "search-index" {
  audience = "https://search-index.internal"
  scopes   = ["search-index:read", "search-index:write"]
  max_ttl  = "1h"
}

service "sessions" {
  audience = "https://sessions.internal"
  scopes   = ["sessions:read", "sessions:write"]
  max_ttl  = "1h"
}

service "settlement" {
  audience = "https://settlement.internal"
  scopes   = ["settlement:read", "settlement:write"]
  max_ttl  = "1h"
}

service "shipping" {
  audience = "https://shipping.internal"
  scopes   = ["shipping:read", "shipping:write"]
  max_ttl  = "1h"
}

service "sms" {
  audience = "https://sms.internal"
  scopes   = ["sms:read", "sms:write"]
  max_ttl  = "1h"
}

service "tax" {
  audience = "https://tax.internal"
  scopes   = ["tax:read", "tax:write"]
  max_ttl  = "1h"
}

service "telemetry" {
  audience = "https://telemetry.internal"
  scopes   = ["telemetry:read", "telemetry:write"]
  max_ttl  = "1h"
}

service "templates" {
  audience = "https://templates.internal"
  scopes   = ["templates:read", "templates:write"]
  max_ttl  = "1h"
}

service "tickets" {
  audience = "https://tickets.internal"
  scopes   = ["tickets:read", "tickets:write"]
  max_ttl  = "1h"
}

service "vaulting" {
  audience = "https://vaulting.internal"
  scopes   = ["vaulting:read", "vaulting:write"]
  max_ttl  = "1h"
}

service "warehouse" {
  audience = "https://warehouse.internal"
  scopes   = ["warehouse:read", "warehouse:write"]
  max_ttl  = "1h"
}

contract "account-to-identity" {
  service            = "identity"
  scopes             = ["identity:read"]
  bound_entity_names = ["account"]
  ttl                = "5m"
}

contract "account-to-preferences" {
  service            = "preferences"
  scopes             = ["preferences:read", "preferences:write"]
  bound_entity_names = ["account"]
  ttl                = "5m"
}

contract "admin-to-account" {
  service            = "account"
  scopes             = ["account:read"]
  bound_entity_names = ["admin"]
  ttl                = "5m"
}

contract "admin-to-orders" {
  service            = "orders"
  scopes             = ["orders:read", "orders:write"]
  bound_entity_names = ["admin"]
  ttl                = "5m"
}

contract "admin-to-refunds" {
  service            = "refunds"
  scopes             = ["refunds:read"]
  bound_entity_names = ["admin"]
  ttl                = "5m"
}

contract "admin-to-audit" {
  service            = "audit"
  scopes             = ["audit:read", "audit:write"]
  bound_entity_names = ["admin"]
  ttl                = "5m"
}

contract "audit-to-objects" {
  service            = "objects"
  scopes             = ["objects:read"]
  bound_entity_names = ["audit"]
  ttl                = "5m"
}

contract "batch-to-reports" {
  service            = "reports"
  scopes             = ["reports:read"]
  bound_entity_names = ["batch"]
  ttl                = "5m"
}

contract "batch-to-settlement" {
  service            = "settlement"
  scopes             = ["settlement:read", "settlement:write"]
  bound_entity_names = ["batch"]
  ttl                = "5m"
}

contract "batch-to-schedules" {
  service            = "schedules"
  scopes             = ["schedules:read"]
  bound_entity_names = ["batch"]
  ttl                = "5m"
}

contract "batch-to-exports" {
  service            = "exports"
  scopes             = ["exports:read", "exports:write"]
  bound_entity_names = ["batch"]
  ttl                = "5m"
}

contract "billing-to-invoices" {
  service            = "invoices"
  scopes             = ["invoices:read"]
  bound_entity_names = ["billing"]
  ttl                = "5m"
}

contract "billing-to-ledger" {
  service            = "ledger"
  scopes             = ["ledger:read", "ledger:write"]
  bound_entity_names = ["billing"]
  ttl                = "5m"
}

contract "carriers-to-rates" {
  service            = "rates"
  scopes             = ["rates:read"]
  bound_entity_names = ["carriers"]
  ttl                = "5m"
}

contract "cart-to-pricing" {
  service            = "pricing"
  scopes             = ["pricing:read"]
  bound_entity_names = ["cart"]
  ttl                = "5m"
}

contract "cart-to-inventory" {
  service            = "inventory"
  scopes             = ["inventory:read", "inventory:write"]
  bound_entity_names = ["cart"]
  ttl                = "5m"
}

contract "catalog-to-search-index" {
  service            = "search-index"
  scopes             = ["search-index:read"]
  bound_entity_names = ["catalog"]
  ttl                = "5m"
}

contract "catalog-to-media" {
  service            = "media"
  scopes             = ["media:read", "media:write"]
  bound_entity_names = ["catalog"]
  ttl                = "5m"
}

contract "chat-to-tickets" {
  service            = "tickets"
  scopes             = ["tickets:read"]
  bound_entity_names = ["chat"]
  ttl                = "5m"
}

contract "ci-to-registry" {
  service            = "registry"
  scopes             = ["registry:read"]
  bound_entity_names = ["ci"]
  ttl                = "5m"
}

contract "ci-to-deploys" {
  service            = "deploys"
  scopes             = ["deploys:read", "deploys:write"]
  bound_entity_names = ["ci"]
  ttl                = "5m"
}

contract "deploys-to-registry" {
  service            = "registry"
  scopes             = ["registry:read"]
  bound_entity_names = ["deploys"]
  ttl                = "5m"
}

contract "deploys-to-audit" {
  service            = "audit"
  scopes             = ["audit:read", "audit:write"]
  bound_entity_names = ["deploys"]
  ttl                = "5m"
}

contract "features-to-lake" {
  service            = "lake"
  scopes             = ["lake:read"]
  bound_entity_names = ["features"]
  ttl                = "5m"
}

contract "fleet-to-telemetry" {
  service            = "telemetry"
  scopes             = ["telemetry:read"]
  bound_entity_names = ["fleet"]
  ttl                = "5m"
}

contract "fraud-to-features" {
  service            = "features"
  scopes             = ["features:read"]
  bound_entity_names = ["fraud"]
  ttl                = "5m"
}

contract "fraud-to-scoring" {
  service            = "scoring"
  scopes             = ["scoring:read", "scoring:write"]
  bound_entity_names = ["fraud"]
  ttl                = "5m"
}

contract "gateway-to-vaulting" {
  service            = "vaulting"
  scopes             = ["vaulting:read"]
  bound_entity_names = ["gateway"]
  ttl                = "5m"
}

contract "identity-to-directory" {
  service            = "directory"
  scopes             = ["directory:read"]
  bound_entity_names = ["identity"]
  ttl                = "5m"
}

contract "identity-to-audit" {
  service            = "audit"
  scopes             = ["audit:read", "audit:write"]
  bound_entity_names = ["identity"]
  ttl                = "5m"
}

contract "inventory-to-warehouse" {
  service            = "warehouse"
  scopes             = ["warehouse:read"]
  bound_entity_names = ["inventory"]
  ttl                = "5m"
}

contract "invoices-to-templates" {
  service            = "templates"
  scopes             = ["templates:read"]
  bound_entity_names = ["invoices"]
  ttl                = "5m"
}

contract "invoices-to-objects" {
  service            = "objects"
  scopes             = ["objects:read", "objects:write"]
  bound_entity_names = ["invoices"]
  ttl                = "5m"
}

contract "lake-to-objects" {
  service            = "objects"
  scopes             = ["objects:read"]
  bound_entity_names = ["lake"]
  ttl                = "5m"
}

contract "ledger-to-audit" {
  service            = "audit"
  scopes             = ["audit:read"]
  bound_entity_names = ["ledger"]
  ttl                = "5m"
}

contract "mail-to-templates" {
  service            = "templates"
  scopes             = ["templates:read"]
  bound_entity_names = ["mail"]
  ttl                = "5m"
}

contract "media-to-objects" {
  service            = "objects"
  scopes             = ["objects:read"]
  bound_entity_names = ["media"]
  ttl                = "5m"
}

contract "mobile-to-cart" {
  service            = "cart"
  scopes             = ["cart:read"]
  bound_entity_names = ["mobile"]
  ttl                = "5m"
}

contract "mobile-to-catalog" {
  service            = "catalog"
  scopes             = ["catalog:read", "catalog:write"]
  bound_entity_names = ["mobile"]
  ttl                = "5m"
}

contract "mobile-to-search" {
  service            = "search"
  scopes             = ["search:read"]
  bound_entity_names = ["mobile"]
  ttl                = "5m"
}

contract "mobile-to-account" {
  service            = "account"
  scopes             = ["account:read", "account:write"]
  bound_entity_names = ["mobile"]
  ttl                = "5m"
}

contract "mobile-to-orders" {
  service            = "orders"
  scopes             = ["orders:read"]
  bound_entity_names = ["mobile"]
  ttl                = "5m"
}

contract "mobile-to-recommendations" {
  service            = "recommendations"
  scopes             = ["recommendations:read", "recommendations:write"]
  bound_entity_names = ["mobile"]
  ttl                = "5m"
}

contract "models-to-registry" {
  service            = "registry"
  scopes             = ["registry:read"]
  bound_entity_names = ["models"]
  ttl                = "5m"
}

contract "notifications-to-mail" {
  service            = "mail"
  scopes             = ["mail:read"]
  bound_entity_names = ["notifications"]
  ttl                = "5m"
}

contract "notifications-to-push" {
  service            = "push"
  scopes             = ["push:read", "push:write"]
  bound_entity_names = ["notifications"]
  ttl                = "5m"
}

contract "notifications-to-sms" {
  service            = "sms"
  scopes             = ["sms:read"]
  bound_entity_names = ["notifications"]
  ttl                = "5m"
}

contract "orders-to-payments" {
  service            = "payments"
  scopes             = ["payments:read"]
  bound_entity_names = ["orders"]
  ttl                = "5m"
}

contract "orders-to-inventory" {
  service            = "inventory"
  scopes             = ["inventory:read", "inventory:write"]
  bound_entity_names = ["orders"]
  ttl                = "5m"
}

contract "orders-to-shipping" {
  service            = "shipping"
  scopes             = ["shipping:read"]
  bound_entity_names = ["orders"]
  ttl                = "5m"
}

contract "orders-to-notifications" {
  service            = "notifications"
  scopes             = ["notifications:read", "notifications:write"]
  bound_entity_names = ["orders"]
  ttl                = "5m"
}

contract "orders-to-tax" {
  service            = "tax"
  scopes             = ["tax:read"]
  bound_entity_names = ["orders"]
  ttl                = "5m"
}

contract "partner-api-to-catalog" {
  service            = "catalog"
  scopes             = ["catalog:read"]
  bound_entity_names = ["partner-api"]
  ttl                = "5m"
}

contract "partner-api-to-orders" {
  service            = "orders"
  scopes             = ["orders:read", "orders:write"]
  bound_entity_names = ["partner-api"]
  ttl                = "5m"
}

contract "partner-api-to-inventory" {
  service            = "inventory"
  scopes             = ["inventory:read"]
  bound_entity_names = ["partner-api"]
  ttl                = "5m"
}

contract "payments-to-ledger" {
  service            = "ledger"
  scopes             = ["ledger:read"]
  bound_entity_names = ["payments"]
  ttl                = "5m"
}

contract "payments-to-fraud" {
  service            = "fraud"
  scopes             = ["fraud:read", "fraud:write"]
  bound_entity_names = ["payments"]
  ttl                = "5m"
}

contract "payments-to-gateway" {
  service            = "gateway"
  scopes             = ["gateway:read"]
  bound_entity_names = ["payments"]
  ttl                = "5m"
}

contract "preferences-to-directory" {
  service            = "directory"
  scopes             = ["directory:read"]
  bound_entity_names = ["preferences"]
  ttl                = "5m"
}

contract "pricing-to-promotions" {
  service            = "promotions"
  scopes             = ["promotions:read"]
  bound_entity_names = ["pricing"]
  ttl                = "5m"
}

contract "pricing-to-tax" {
  service            = "tax"
  scopes             = ["tax:read", "tax:write"]
  bound_entity_names = ["pricing"]
  ttl                = "5m"
}

contract "promotions-to-preferences" {
  service            = "preferences"
  scopes             = ["preferences:read"]
  bound_entity_names = ["promotions"]
  ttl                = "5m"
}

contract "push-to-templates" {
  service            = "templates"
  scopes             = ["templates:read"]
  bound_entity_names = ["push"]
  ttl                = "5m"
}

contract "recommendations-to-features" {
  service            = "features"
  scopes             = ["features:read"]
  bound_entity_names = ["recommendations"]
  ttl                = "5m"
}

contract "recommendations-to-catalog" {
  service            = "catalog"
  scopes             = ["catalog:read", "catalog:write"]
  bound_entity_names = ["recommendations"]
  ttl                = "5m"
}

contract "refunds-to-payments" {
  service            = "payments"
  scopes             = ["payments:read"]
  bound_entity_names = ["refunds"]
  ttl                = "5m"
}

contract "refunds-to-ledger" {
  service            = "ledger"
  scopes             = ["ledger:read", "ledger:write"]
  bound_entity_names = ["refunds"]
  ttl                = "5m"
}

contract "reports-to-lake" {
  service            = "lake"
  scopes             = ["lake:read"]
  bound_entity_names = ["reports"]
  ttl                = "5m"
}

contract "scoring-to-models" {
  service            = "models"
  scopes             = ["models:read"]
  bound_entity_names = ["scoring"]
  ttl                = "5m"
}

contract "search-to-search-index" {
  service            = "search-index"
  scopes             = ["search-index:read"]
  bound_entity_names = ["search"]
  ttl                = "5m"
}

contract "search-index-to-objects" {
  service            = "objects"
  scopes             = ["objects:read"]
  bound_entity_names = ["search-index"]
  ttl                = "5m"
}

contract "settlement-to-ledger" {
  service            = "ledger"
  scopes             = ["ledger:read"]
  bound_entity_names = ["settlement"]
  ttl                = "5m"
}

contract "settlement-to-gateway" {
  service            = "gateway"
  scopes             = ["gateway:read", "gateway:write"]
  bound_entity_names = ["settlement"]
  ttl                = "5m"
}

contract "shipping-to-carriers" {
  service            = "carriers"
  scopes             = ["carriers:read"]
  bound_entity_names = ["shipping"]
  ttl                = "5m"
}

contract "shipping-to-warehouse" {
  service            = "warehouse"
  scopes             = ["warehouse:read", "warehouse:write"]
  bound_entity_names = ["shipping"]
  ttl                = "5m"
}

contract "shipping-to-notifications" {
  service            = "notifications"
  scopes             = ["notifications:read"]
  bound_entity_names = ["shipping"]
  ttl                = "5m"
}

contract "shipping-to-geo" {
  service            = "geo"
  scopes             = ["geo:read", "geo:write"]
  bound_entity_names = ["shipping"]
  ttl                = "5m"
}

contract "subscriptions-to-billing" {
  service            = "billing"
  scopes             = ["billing:read"]
  bound_entity_names = ["subscriptions"]
  ttl                = "5m"
}

contract "subscriptions-to-notifications" {
  service            = "notifications"
  scopes             = ["notifications:read", "notifications:write"]
  bound_entity_names = ["subscriptions"]
  ttl                = "5m"
}

contract "support-to-tickets" {
  service            = "tickets"
  scopes             = ["tickets:read"]
  bound_entity_names = ["support"]
  ttl                = "5m"
}

contract "support-to-account" {
  service            = "account"
  scopes             = ["account:read", "account:write"]
  bound_entity_names = ["support"]
  ttl                = "5m"
}

contract "support-to-orders" {
  service            = "orders"
  scopes             = ["orders:read"]
  bound_entity_names = ["support"]
  ttl                = "5m"
}

contract "tax-to-rates" {
  service            = "rates"
  scopes             = ["rates:read"]
  bound_entity_names = ["tax"]
  ttl                = "5m"
}

contract "telemetry-to-lake" {
  service            = "lake"
  scopes             = ["lake:read"]
  bound_entity_names = ["telemetry"]
  ttl                = "5m"
}

contract "tickets-to-notifications" {
  service            = "notifications"
  scopes             = ["notifications:read"]
  bound_entity_names = ["tickets"]
  ttl                = "5m"
}

contract "vaulting-to-hsm" {
  service            = "hsm"
  scopes             = ["hsm:read"]
  bound_entity_names = ["vaulting"]
  ttl                = "5m"
}

contract "warehouse-to-lake" {
  service            = "lake"
  scopes             = ["lake:read"]
  bound_entity_names = ["warehouse"]
  ttl                = "5m"
}

contract "web-to-cart" {
  service            = "cart"
  scopes             = ["cart:read"]
  bound_entity_names = ["web"]
  ttl                = "5m"
}

contract "web-to-catalog" {
  service            = "catalog"
  scopes             = ["catalog:read", "catalog:write"]
  bound_entity_names = ["web"]
  ttl                = "5m"
}

contract "web-to-search" {
  service            = "search"
  scopes             = ["search:read"]
  bound_entity_names = ["web"]
  ttl                = "5m"
}

contract "web-to-account" {
  service            = "account"
  scopes             = ["account:read", "account:write"]
  bound_entity_names = ["web"]
  ttl                = "5m"
}

contract "web-to-orders" {
  service            = "orders"
  scopes             = ["orders:read"]
  bound_entity_names = ["web"]
  ttl                = "5m"
}

contract "web-to-flags" {
  service            = "flags"
  scopes             = ["flags:read", "flags:write"]
  bound_entity_names = ["web"]
  ttl                = "5m"
}

contract "web-to-sessions" {
  service            = "sessions"
  scopes             = ["sessions:read"]
  bound_entity_names = ["web"]
  ttl                = "5m"
}
