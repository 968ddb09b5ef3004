"""What providers post, as their documentation shows it; addresses are examples, ids are the documentation's.

Sources: docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html and
notification-examples.html (SES), postmarkapp.com/developer/webhooks (Postmark), resend.com/docs/webhooks
(Resend), twilio.com/docs/sendgrid/for-developers/tracking-events/event (SendGrid).
"""

from __future__ import annotations

from typing import Any

SES_MAIL: dict[str, Any] = {
    "timestamp": "2026-11-02T08:40:02.012Z",
    "source": "Sender Name <sender@example.com>",
    "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/sender@example.com",
    "sendingAccountId": "123456789012",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["recipient@example.com"],
    "headersTruncated": False,
    "headers": [
        {"name": "From", "value": "Sender Name <sender@example.com>"},
        {"name": "To", "value": "recipient@example.com"},
        {"name": "Message-ID", "value": "<r1.7@learn.example>"},
    ],
    "tags": {
        "ses:configuration-set": ["ConfigSet"],
        "ses:from-domain": ["example.com"],
        "message_id": ["r1.7@learn.example"],
    },
}
SES_BOUNCE: dict[str, Any] = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [
            {
                "emailAddress": "recipient@example.com",
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
        ],
        "timestamp": "2026-11-02T08:41:02.669Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
        "reportingMTA": "dsn; mta.example.com",
    },
    "mail": SES_MAIL,
}
SES_COMPLAINT: dict[str, Any] = {
    "eventType": "Complaint",
    "complaint": {
        "complainedRecipients": [{"emailAddress": "recipient@example.com"}],
        "timestamp": "2026-11-02T08:41:02.669Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000001",
        "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
        "complaintFeedbackType": "abuse",
        "arrivalDate": "2026-11-02T08:41:02.669Z",
    },
    "mail": SES_MAIL,
}
SES_DELIVERY: dict[str, Any] = {
    "eventType": "Delivery",
    "mail": SES_MAIL,
    "delivery": {
        "timestamp": "2026-11-02T08:40:03.202Z",
        "processingTimeMillis": 11893,
        "recipients": ["recipient@example.com"],
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": "mta.example.com",
    },
}
SES_DELAY: dict[str, Any] = {
    "eventType": "DeliveryDelay",
    "mail": SES_MAIL,
    "deliveryDelay": {
        "timestamp": "2026-11-02T08:45:02.669Z",
        "delayType": "TransientCommunicationFailure",
        "expirationTime": "2026-11-02T20:40:02.669Z",
        "delayedRecipients": [
            {
                "emailAddress": "recipient@example.com",
                "status": "4.4.1",
                "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host",
            }
        ],
    },
}
SES_OPEN: dict[str, Any] = {
    "eventType": "Open",
    "mail": SES_MAIL,
    "open": {
        "ipAddress": "192.0.2.1",
        "timestamp": "2026-11-02T08:50:19.652Z",
        "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X)",
    },
}
SES_CLICK: dict[str, Any] = {
    "eventType": "Click",
    "click": {
        "ipAddress": "192.0.2.1",
        "link": "http://docs.example.com/send-email-smtp.html",
        "linkTags": {"samplekey0": ["samplevalue0"]},
        "timestamp": "2026-11-02T08:51:25.570Z",
        "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
    },
    "mail": SES_MAIL,
}
SES_REJECT: dict[str, Any] = {
    "eventType": "Reject",
    "mail": SES_MAIL,
    "reject": {"reason": "Bad content"},
}
SES_SUBSCRIPTION: dict[str, Any] = {
    "eventType": "Subscription",
    "mail": SES_MAIL,
    "subscription": {
        "contactList": "ContactListName",
        "timestamp": "2026-11-02T08:55:17.910Z",
        "source": "UnsubscribeHeader",
        "newTopicPreferences": {"unsubscribeAll": True, "topicSubscriptionStatus": []},
        "oldTopicPreferences": {"unsubscribeAll": False, "topicSubscriptionStatus": []},
    },
}

POSTMARK_BOUNCE: dict[str, Any] = {
    "RecordType": "Bounce",
    "ID": 42,
    "Type": "HardBounce",
    "TypeCode": 1,
    "Name": "Hard bounce",
    "Tag": "Test",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Metadata": {"message_id": "r1.7@learn.example"},
    "ServerID": 1234,
    "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
    "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
    "Email": "john@example.com",
    "From": "sender@example.com",
    "BouncedAt": "2026-11-02T03:50:50.3963933-05:00",
    "DumpAvailable": True,
    "Inactive": True,
    "CanActivate": True,
    "Subject": "Test subject",
}
POSTMARK_DELIVERY: dict[str, Any] = {
    "RecordType": "Delivery",
    "ServerID": 23,
    "MessageStream": "broadcast",
    "MessageID": "00000000-0000-0000-0000-000000000000",
    "Recipient": "john@example.com",
    "Tag": "welcome-email",
    "DeliveredAt": "2026-11-02T08:59:47Z",
    "Details": "Test delivery webhook details",
    "Metadata": {"message_id": "r1.7@learn.example"},
}
POSTMARK_OPEN: dict[str, Any] = {
    "RecordType": "Open",
    "MessageStream": "broadcast",
    "FirstOpen": True,
    "Client": {"Name": "Chrome 35.0.1916.153", "Company": "Google", "Family": "Chrome"},
    "Platform": "WebMail",
    "UserAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_3) AppleWebKit/537.36",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "ReceivedAt": "2026-11-02T03:58:10.2735393-05:00",
    "Recipient": "john@example.com",
}
POSTMARK_CLICK: dict[str, Any] = {
    "RecordType": "Click",
    "MessageStream": "broadcast",
    "ClickLocation": "HTML",
    "Platform": "Desktop",
    "UserAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_3) AppleWebKit/537.36",
    "OriginalLink": "https://example.com",
    "MessageID": "00000000-0000-0000-0000-000000000000",
    "ReceivedAt": "2026-11-02T08:58:11.9065619Z",
    "Recipient": "john@example.com",
}
POSTMARK_CHANGE: dict[str, Any] = {
    "RecordType": "SubscriptionChange",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "ServerID": 123456,
    "MessageStream": "broadcast",
    "ChangedAt": "2026-11-02T08:53:34Z",
    "Recipient": "john@example.com",
    "Origin": "Recipient",
    "SuppressSending": True,
    "SuppressionReason": "ManualSuppression",
}

RESEND_DATA: dict[str, Any] = {
    "created_at": "2026-11-02T08:40:43.982Z",
    "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
    "from": "Acme <onboarding@resend.dev>",
    "headers": [{"name": "Message-ID", "value": "<r1.7@learn.example>"}],
    "subject": "Sending this example",
    "to": ["Ana <delivered@resend.dev>"],
}
RESEND_BOUNCE: dict[str, Any] = {
    "type": "email.bounced",
    "created_at": "2026-11-02T08:41:12.126Z",
    "data": {
        **RESEND_DATA,
        "bounce": {
            "diagnosticCode": ["smtp; 550 5.5.0 Requested action not taken: mailbox unavailable"],
            "message": "The recipient's email address is on the suppression list.",
            "subType": "Suppressed",
            "type": "Permanent",
        },
    },
}
RESEND_CLICK: dict[str, Any] = {
    "type": "email.clicked",
    "created_at": "2026-11-02T08:55:35.257Z",
    "data": {
        **RESEND_DATA,
        "click": {
            "ipAddress": "122.115.53.11",
            "link": "https://resend.com",
            "timestamp": "2026-11-02T08:55:35.257Z",
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
        },
    },
}

_SENDGRID_COMMON: dict[str, Any] = {
    "email": "example@test.com",
    "timestamp": 1793609970,
    "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
    "category": ["cat facts"],
    "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
    "message_id": "r1.7@learn.example",
}
SENDGRID_EVENTS: list[dict[str, Any]] = [
    {**_SENDGRID_COMMON, "event": "processed", "sg_event_id": "rbtnWrG1DVDGGGFHFyun0A=="},
    {
        **_SENDGRID_COMMON,
        "event": "deferred",
        "sg_event_id": "t7LEShmowp86DTdUW8M-GQ==",
        "response": "400 try again later",
        "attempt": "5",
    },
    {
        **_SENDGRID_COMMON,
        "event": "delivered",
        "sg_event_id": "ZGVsaXZlcmVkLTAtMzQ0ODY2NQ",
        "response": "250 OK",
    },
    {
        **_SENDGRID_COMMON,
        "event": "open",
        "sg_event_id": "FOTFFO0ecsBE-zxFXfs6WA==",
        "useragent": "Mozilla/4.0 (compatible; MSIE 6.1; Windows XP; .NET CLR 1.1.4322)",
        "ip": "255.255.255.255",
        "sg_machine_open": True,
    },
    {
        **_SENDGRID_COMMON,
        "event": "click",
        "sg_event_id": "kCAi1KttyQdEKHhdC-nuEA==",
        "useragent": "Mozilla/4.0 (compatible; MSIE 6.1; Windows XP; .NET CLR 1.1.4322)",
        "ip": "255.255.255.255",
        "url": "http://www.sendgrid.com/",
    },
    {
        **_SENDGRID_COMMON,
        "event": "bounce",
        "sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw==",
        "bounce_classification": "Invalid Address",
        "reason": "500 unknown recipient",
        "status": "5.0.0",
        "type": "bounce",
    },
    {
        **_SENDGRID_COMMON,
        "event": "dropped",
        "sg_event_id": "zmzJhfJgAfUSOW80yEbPyw==",
        "reason": "Bounced Address",
        "status": "5.0.0",
    },
    {**_SENDGRID_COMMON, "event": "spamreport", "sg_event_id": "37nvH5QBz858KGVYCM4uOA=="},
    {**_SENDGRID_COMMON, "event": "unsubscribe", "sg_event_id": "zz_BjPgU_5pS-J8vlfB1sg=="},
    {
        **_SENDGRID_COMMON,
        "event": "group_unsubscribe",
        "sg_event_id": "ahSCB7xYcXFb-hEaawsPRw==",
        "asm_group_id": 10,
    },
    {
        **_SENDGRID_COMMON,
        "event": "group_resubscribe",
        "sg_event_id": "w_u0vJhLT-OFfprar5N93g==",
        "asm_group_id": 10,
    },
]
