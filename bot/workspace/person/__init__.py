"""What the driven person sees on the page and can choose there."""
