"""What rows and documents usually say: dictionaries they are packed against, written by hand.

They are part of the format. Packed data counts from their end backwards, so they may only grow at the front. They hold
the words of this code and of shops in general, and are not trained on any data set. The most usual stands last, where
naming it costs the fewest bits.
"""

from __future__ import annotations

from typing import Final

_MESSAGES: Final = (
    b'"provider":"","in_reply_to":"<","version":"","agent":"","status":"delivered","purpose":"marketing","code":"'
    b'"call":{"id":"CA","state":"ringing","direction":"inbound","number":"+49"},"digits":"1",'
    b'"recording":"https://www.'
    b'"reason":"consent: no","rule":"abandoned-cart","trigger":"t","channel":"email",'
    b'"url":"https://www.","message":"<'
    b'{"segment":"rule":"welcome","attachments":[{"name":"image","type":"image/jpeg","size":'
    b"Please call me back. I would like to return Can you help me with the delivery? Is it available? When will it "
    b"arrive? Yes, please. No, thanks. Good morning, Thank you for Best regards, Hi, Where is my parcel? "
)
_SHOP: Final = (
    b'"affiliation":"","shipping":0,"tax":0,"discount":0,"revenue":"total":"coupon":"","currency":"EUR","variant":"'
    b'"brand":"","sku":"","order_id":"","cart_id":"","checkout_id":"","image_url":"https://www.","position":1,'
    b'"Order Completed","properties":{"order_id":"Order Refunded","Checkout Started","Cart Viewed","Product Removed",'
    b'"Product Clicked","Product List Viewed","Signed Up","Form Submitted","properties":{"products":[{"product_id":"'
    b'"category":"","url":"https://www.","referrer":"https://www.","search":"","title":""}},"original_timestamp":"'
    b'"},"name":"","query":""}}]'
)
ROWS: Final = (
    _MESSAGES
    + _SHOP
    + b'","subject":"Re: ","message":"<","text":"","subject":"My order"}]["Hello, where is my order?",'
    b'{}]["Thanks, that '
    b'[3,{"name":"Products Searched","properties":{"query":"[8,{"name":"Product Viewed","properties":{"product_id":"'
    b'","name":"[5,{"name":"Product Added","properties":{"product":"[5,{"name":"Product Viewed",'
    b'"properties":{"product":"'
    b'","price":9.99,"quantity":1}}][1,{"name":"Home","properties":{"path":"/home"}}]'
)
"""For rows of the timeline."""

_FACETS: Final = (
    b'"scores":{"churn":[0.5,"matters":{"":{"state":["open",1700000000000,"","opened":[,"subject":[,'
    b'"owner":["promised":[['
    b'"priority":["high","place":{"gps":[52.,13.,10,"Berlin","DE","ip":[null,null,null,"declared":[,'
    b'"London","GB","Tehran'
    b'","IR","told":{"":{"survey.answered":["web.identify":["phone.input":["satisfaction":{"nps":[1,900,1,'
    b'0,0,[["csat":'
    b'[1,500,1,0,0,[["windows":{"n2592000":[[4900,1],"worth":{"orders":{"":[1700000000000,"","EUR",4990]},'
    b'"sums":{"USD":'
    b'[1,"back":{"beyond":1,"left":1,"devices":{"seen":{"":[1700000000000,"","browser","Chrome",'
    b'"Windows 10","",null],"'
    b'phone","iPhone","iOS 17","Firefox","Linux","mobile","Safari","Android 14","first":{"desktop","macOS",'
    b'"permission":{'
    b'"consent":{"email/marketing":[[1700000000000,"","/channels/web/segment",{"method":"form","version":"",'
    b'"ip":"","text":'
    b'"},null]},"reach":{"email/email:":{"ok":170000000},"hard":[1,"sms/phone:":{"stop":[1,'
)
_CUSTOMER: Final = (
    b'\\n":["joined",1700000000000,"",'
    b'"links":{"\\nuser_id:anonymous_id:user_id:"device:"phone:+49"whatsapp:"instagram_id:'
    b'"meta_psid:"email:@gmail.com@example.com":["apart","timers":{"segments":{"consent":{"email/marketing":[true,'
    b'"sms/marketing":[false,"fired":{"t":["abandoned-cart","email",1700000000000,"marketing"],'
    b'"refused":{"":["shared",'
    b'"facts":{"size":["call":[{"id":"CA","state":"ended","direction":"inbound","number":"+49",'
    b'"digits":""},"traits":{'
    b'"name":["","first_name":["last_name":["email":["phone":["language":["en-GB",1700000000000,"de-DE",'
    b'"fa-IR","timezone":'
    b'["Europe/Berlin",1700000000000,"","web.identify"],"city":["country":["address":["company":["plan":["group":["'
    b'"latest":{"phone.ended":["","phone.answered":["","email.sent":["","email.opened":["","email.clicked":["",'
    b'"sms.sent":["'
    b'"social.message":["","agent.note":["","consent.given":["","survey.answered":["",'
    b'"web.screen":["Opened \\"","rule.fired'
    b'"web.track/Order Completed":["Order Completed: ","web.track/Checkout Started":["Checkout Started",'
    b'"counts":{"web.identify":1,"phone.ringing":1,"email.sent":1,"email.delivered":1,"email.opened":1,'
    b'"sms.delivered":1,'
    b'"web.track/Order Completed":1,"web.track/Cart Viewed":1,"web.track/Products Searched":2,'
    b'"web.track/Product Added":2,'
)
DOCUMENTS: Final = (
    _FACETS
    + _CUSTOMER
    + b'":{"id":"c","nodes":["email:","phone:+","anonymous_id:","user_id:"],"parts":{"email:":{"first":1700000000000,'
    b'"last":1700000000000,"events":1,"mentions":{"email:":{"verified":true,"first":1700000000000,"last":1700000000000},'
    b'"user_id:":{"verified":false,"first":1700000000000,"last":1700000000000}},"channels":{"phone":{"received":1,"sent":0,'
    b'"failed":0,"last_received":1700000000000,"last_sent":0},"social":{"received":0,"sent":1,"failed":0,'
    b'"last_received":0,"last_sent":1700000000000},"web":{"received":1,"sent":0,"failed":0,"last_received":1700000000000,'
    b'"last_sent":0},"email":{"received":2,"sent":0,"failed":0,"last_received":1700000000000,"last_sent":0},"sms":{'
    b'"received":1,"sent":0,"failed":0,"last_received":1700000000000,"last_sent":0},"web":{"received":1,"sent":0,"failed":0,'
    b'"last_received":1700000000000,"last_sent":0}},"counts":{"sms.received":1,"email.received":2,"web.page":3,"web.track":2,'
    b'"web.track/Products Searched":1,"web.track/Product Added":1,"web.track/Product Viewed":1},"latest":{'
    b'"email.received":["Hello, ",1700000000000,"","email.received"],"sms.received":["Thanks, ",1700000000000,"",'
    b'"sms.received"],"web.page":["Viewed \\"Home\\"",1700000000000,"","web.page"],"web.track":["",1700000000000,"",'
    b'"web.track"],"web.track/Products Searched":["",1700000000000,"","web.track"],"web.track/Product Added":["",'
    b'1700000000000,"","web.track"],"web.track/Product Viewed":["",1700000000000,"","web.track"]},"fences":{"/0":1},'
    b'"answers":{"channels":{"phone":[0,0,0,1,[9,1]],"web":[0,0,0,0,[0,1,1,1,2,1,3,1,4,1,5,1,6,1,7,1,8,2,9,2,10,2,11,2,12,3,'
    b'13,3,14,3,15,3,16,4,17,4,18,3,19,3,20,2,21,2,22,1,23,1]],"sms":[0,0,0,0,[6,1,10,1]],"email":[0,0,0,0,[8,1,12,1]]},'
    b'"messages":{"":["email",17000000]}},"sentiment":[[1700000000000,"",0,35,"email"],[1700000000000,"",-40,50,"sms"]]}}}'
)
"""For documents of customers."""
