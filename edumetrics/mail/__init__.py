"""Mail to advisors and the operator.

Mail goes out by SMTP where that is set up and released, and into an outbox of .eml files elsewhere.
"""
