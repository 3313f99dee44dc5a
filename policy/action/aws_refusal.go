package action

import (
	"html"
	"net/http"
	"strings"
)

// AWSRefusal is the XML in which the service of a host refuses the request, "" where it speaks JSON: Amazon S3 API Reference,
// "Error responses"; Amazon EC2 API Reference, "Common error codes"; for the others AWS's query protocol (Smithy, "Error response
// serialization"). The SDKs show its message.
func AWSRefusal(host string, r *http.Request, code, message string) string {
	at := awsHost(host)
	text := "<Code>" + code + "</Code><Message>" + html.EscapeString(message) + "</Message>"
	switch models := awsTable().models[at.endpoint]; {
	case at.endpoint == "s3":
		text = "<Error>" + text + "<RequestId>agentguard</RequestId></Error>"
	case at.endpoint == "ec2":
		text = "<Response><Errors><Error>" + text + "</Error></Errors><RequestID>agentguard</RequestID></Response>"
	case r.Header.Get("X-Amz-Target") == "" && len(models) > 0 && (models[0].form || models[0].xml()):
		text = "<ErrorResponse><Error><Type>Sender</Type>" + text + "</Error><RequestId>agentguard</RequestId></ErrorResponse>"
	default:
		return ""
	}
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + text + "\n"
}

// xml says whether a service told by paths speaks XML: of those in the catalogue three do.
func (m *awsModel) xml() bool { return strings.Contains(" s3 route53 cloudfront ", " "+m.iam+" ") }
