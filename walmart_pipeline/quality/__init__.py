"""What the judge says of each listing, the accepted ones, and those that a person should see."""
