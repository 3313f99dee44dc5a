package action

import (
	"net/url"
	"strings"
)

// stripe is Stripe's API (docs.stripe.com/api). The key travels as a bearer token or, as in Stripe's own examples, as the
// user name of Basic authentication with an empty password: the slot Basic without a name.
func stripe() *Service {
	slots := []Slot{{Bearer, ""}, {Basic, ""}}
	api := Host{Pattern: mustHost("api.stripe.com"), Slots: slots, Routes: mustRoutes(stripeRoutes), Refine: refineStripe}
	api.generated("stripe", "", nil)
	return &Service{
		Base:    "https://api.stripe.com",
		Refusal: RefusalNested,
		Hosts: []Host{
			api,
			{Pattern: mustHost("files.stripe.com"), Slots: slots, Routes: mustRoutes(`
				write POST /v1/files               upload_file  files/create
				read  GET  /v1/files/{id}/contents get_file     files/contents
				read  GET  /v1/files/{id}          get_file     files/get`)},
		},
	}
}

// Reads are covered broadly, but for card numbers, identity documents, stored secrets and what administers the account.
// Money that leaves the account, and keys, are admin.
const stripeRoutes = `
read  GET    /v1/{object}                            -                    stripe/list
read  GET    /v1/{object}/{rest...}                  -                    stripe/read
admin GET    /v1/apps/{rest...}                      read_secrets         apps/read
admin GET    /v1/issuing/{rest...}                   read_cards           issuing/read
admin GET    /v1/identity/{rest...}                  read_identity        identity/read
admin GET    /v1/treasury/{rest...}                  read_treasury        treasury/read
admin GET    /v1/account                             read_accounts        accounts/get-own
admin GET    /v1/accounts                            read_accounts        accounts/list
admin GET    /v1/accounts/{rest...}                  read_accounts        accounts/read
admin GET    /v1/webhook_endpoints                   read_webhooks        webhook-endpoints/list
admin GET    /v1/webhook_endpoints/{id}              read_webhooks        webhook-endpoints/get
read  GET    /v1/customers                           list_customers       customers/list
read  GET    /v1/customers/search                    list_customers       customers/search
read  GET    /v1/customers/{customer}                read_customer        customers/get -> customer:{customer}
read  GET    /v1/customers/{customer}/{rest...}      read_customer        customers/read -> customer:{customer}
write POST   /v1/customers                           create_customer      customers/create
write POST   /v1/customers/{customer}                update_customer      customers/update -> customer:{customer}
write DELETE /v1/customers/{customer}                delete_customer      customers/delete -> customer:{customer}
write POST   /v1/charges                             create_charge        charges/create
write POST   /v1/charges/{charge}                    update_charge        charges/update -> charge:{charge}
write POST   /v1/charges/{charge}/capture            capture_charge       charges/capture -> charge:{charge}
write POST   /v1/payment_intents                     create_payment       payment-intents/create
write POST   /v1/payment_intents/{payment}           update_payment       payment-intents/update -> payment:{payment}
write POST   /v1/payment_intents/{payment}/confirm   confirm_payment      payment-intents/confirm -> payment:{payment}
write POST   /v1/payment_intents/{payment}/capture   capture_payment      payment-intents/capture -> payment:{payment}
write POST   /v1/payment_intents/{payment}/cancel    cancel_payment       payment-intents/cancel -> payment:{payment}
admin POST   /v1/refunds                             create_refund        refunds/create
admin POST   /v1/refunds/{refund}                    update_refund        refunds/update
admin POST   /v1/refunds/{refund}/cancel             cancel_refund        refunds/cancel
admin POST   /v1/charges/{charge}/refund             create_refund        PostChargesChargeRefund
admin POST   /v1/charges/{charge}/refunds            create_refund        PostChargesChargeRefunds
admin POST   /v1/charges/{charge}/refunds/{refund}   update_refund        PostChargesChargeRefundsRefund
admin POST   /v1/terminal/readers/{reader}/refund_payment create_refund   PostTerminalReadersReaderRefundPayment
admin POST   /v1/payouts                             create_payout        payouts/create
admin POST   /v1/payouts/{payout}/cancel             cancel_payout        payouts/cancel
admin POST   /v1/transfers                           create_transfer      transfers/create
write POST   /v1/products                            create_product       products/create
write POST   /v1/products/{product}                  update_product       products/update -> product:{product}
write DELETE /v1/products/{product}                  delete_product       products/delete -> product:{product}
write POST   /v1/prices                              create_price         prices/create
write POST   /v1/prices/{price}                      update_price         prices/update
write POST   /v1/coupons                             create_coupon        coupons/create
write DELETE /v1/coupons/{coupon}                    delete_coupon        coupons/delete
write POST   /v1/subscriptions                       create_subscription  subscriptions/create
write POST   /v1/subscriptions/{subscription}        update_subscription  subscriptions/update -> subscription:{subscription}
write DELETE /v1/subscriptions/{subscription}        cancel_subscription  subscriptions/cancel -> subscription:{subscription}
write POST   /v1/customers/{customer}/subscriptions  create_subscription  PostCustomersCustomerSubscriptions -> customer:{customer}
write POST   /v1/customers/{customer}/subscriptions/{subscription} update_subscription PostCustomersCustomerSubscriptionsSubscriptionExposedId -> subscription:{subscription}
write DELETE /v1/customers/{customer}/subscriptions/{subscription} cancel_subscription DeleteCustomersCustomerSubscriptionsSubscriptionExposedId -> subscription:{subscription}
write POST   /v1/invoices                            create_invoice       invoices/create
write POST   /v1/invoices/{invoice}                  update_invoice       invoices/update -> invoice:{invoice}
write POST   /v1/invoices/{invoice}/finalize         finalize_invoice     invoices/finalize -> invoice:{invoice}
write POST   /v1/invoices/{invoice}/send             send_invoice         invoices/send -> invoice:{invoice}
write POST   /v1/invoices/{invoice}/pay              pay_invoice          invoices/pay -> invoice:{invoice}
write POST   /v1/invoices/{invoice}/void             void_invoice         invoices/void -> invoice:{invoice}
write DELETE /v1/invoices/{invoice}                  delete_invoice       invoices/delete -> invoice:{invoice}
write POST   /v1/invoiceitems                        create_invoice_item  invoice-items/create
write POST   /v1/checkout/sessions                   create_checkout      checkout/create-session
write POST   /v1/payment_links                       create_payment_link  payment-links/create
admin POST   /v1/webhook_endpoints                   create_webhook       webhook-endpoints/create
admin POST   /v1/webhook_endpoints/{id}              update_webhook       webhook-endpoints/update
admin DELETE /v1/webhook_endpoints/{id}              delete_webhook       webhook-endpoints/delete
admin POST   /v1/ephemeral_keys                      create_ephemeral_key ephemeral-keys/create
admin POST   /v1/accounts                            create_account       accounts/create
admin POST   /v1/accounts/{account}                  update_account       accounts/update
admin DELETE /v1/accounts/{account}                  delete_account       accounts/delete
`

// expansions are what another object is read with where a request expands a field (docs.stripe.com/expand).
var expansions = map[string]string{"customer": "read_customer", "destination": "read_accounts", "on_behalf_of": "read_accounts", "account": "read_accounts"}

// refineStripe adds what expanding reads besides: of a customer where a rule forbids that, of an account in any case.
func refineStripe(r *Request, m *Match) {
	fields := r.Query
	switch body, err := rawBody(r, maxJSON); { // of a GET as well, whose form some servers read
	case len(body) == 0 && err == nil:
	case err != nil && isForm(r):
		m.deny(err.Error())
		return
	case err != nil: // a file, or what nobody has any more
		m.Actions[0].Like = "read_customer"
	case isForm(r):
		fields += "&" + string(body)
	case strings.Contains(string(body), "expand"):
		m.deny("the body may ask to expand fields, and is no form")
		return
	}
	for pair := range strings.FieldsFuncSeq(fields, func(c rune) bool { return c == '&' || c == ';' }) {
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		value, wrong := url.QueryUnescape(value)
		if err != nil || wrong != nil {
			m.deny("the arguments are not a form")
			return
		}
		if !strings.HasPrefix(strings.ToLower(bareName(key)), "expand") {
			continue
		}
		for field := range strings.SplitSeq(value, ".") {
			switch name := expansions[field]; {
			case name == "read_customer":
				m.Actions[0].Like = joined(m.Actions[0].Like, name)
			case name != "" && !m.has(name):
				m.Actions = append(m.Actions, Action{Name: name, Operation: "accounts/read", Class: Admin, Also: true})
			}
		}
	}
}
