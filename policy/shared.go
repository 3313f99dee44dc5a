package policy

import (
	"slices"
	"strings"

	"agentguard/policy/action"
)

// sharedDomains are domains below which anybody gets a name: registries' second levels, and hosts of pages, programs and
// customers. The list is what people are likely to write; the Public Suffix List is longer by far.
const sharedDomains = `co.uk org.uk ac.uk gov.uk com.au net.au org.au co.nz co.za co.in co.jp or.jp ne.jp co.kr com.br com.cn com.hk com.mx com.sg com.tr com.tw
	amazonaws.com cloudfront.net elasticbeanstalk.com awsapprunner.com on.aws
	azurewebsites.net azureedge.net azure-api.net cloudapp.net windows.net core.windows.net blob.core.windows.net vault.azure.net openai.azure.com
	appspot.com run.app web.app firebaseapp.com firebaseio.com cloudfunctions.net googleusercontent.com
	github.io githubusercontent.com gitlab.io pages.dev workers.dev vercel.app netlify.app herokuapp.com fly.dev onrender.com railway.app deno.dev
	supabase.co ngrok.io ngrok.app ngrok-free.app trycloudflare.com loca.lt blogspot.com wordpress.com
	atlassian.net zendesk.com freshdesk.com myshopify.com salesforce.com my.salesforce.com force.com service-now.com sharepoint.com okta.com auth0.com
	slack.com notion.site webflow.io hubspot.com datadoghq.com pagerduty.com snowflakecomputing.com databricks.com`

// warnShared tells of credentials that go to whatever host of a domain below which others have theirs.
func (d *draft) warnShared() {
	for _, c := range d.credentials {
		svc := d.policy.Services[c.Service]
		if svc == nil {
			continue
		}
		for i := range svc.Hosts {
			below, wild := strings.CutPrefix(svc.Hosts[i].Pattern.String(), "*.")
			if !wild || !slices.Contains(strings.Fields(sharedDomains), below) {
				continue
			}
			hint := "name the hosts that are yours in service." + svc.Name + ".hosts"
			if action.Lookup(svc.Name) == svc {
				hint = "to hold it to your own, write a service of yours with that host and openapi = the vendor's description"
			}
			d.warn(c.Line, hint, "credential %s goes to every host below %s, those of others too", c.Name, below)
		}
	}
}

// warnChannels tells of deny rules that have a channel of Slack's by its name or by its id alone: a request can have either, and
// nothing here tells which belong together.
func (d *draft) warnChannels() {
	if d.policy.Services["slack"] == nil {
		return
	}
	for _, r := range d.rules {
		named, line := map[bool]bool{}, 0
		for _, res := range r.resources {
			if name, ok := strings.CutPrefix(res.s, "channel:"); ok && name != "" && name != "*" {
				named[name[0] == '#' || strings.ToUpper(name) != name], line = true, res.line
			}
		}
		if r.deny && len(named) == 1 {
			d.warn(line, `name both: ["channel:#dev", "channel:C0123ABCD"]`, "%s.resources: Slack knows a channel by its name and by its id, and this forbids one of the two", r.Name)
		}
	}
}
