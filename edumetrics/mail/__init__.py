"""Messages out of the house: by SMTP where that is set up and released, as .eml files in an outbox where it is not."""
